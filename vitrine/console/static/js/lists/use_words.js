/** The hook of a field that searches while one types; the words are in the address, which may change otherwise, too. */
import { useEffect, useRef, useState } from "preact/hooks";

const PAUSE = 250; // milliseconds after a letter until the list is read

/**
 * @param {string} shown  the words in the address
 * @param {(words: string) => void} show  puts others there
 * @param {(words: string) => boolean} [waits]  for which words Enter is waited for; for none without it
 * @returns {{words: string, setWords: (words: string) => void, send: () => void}}
 */
export function useWords(shown, show, waits = () => false) {
  const [words, setWords] = useState(shown);
  const own = useRef(shown); // The words that the field itself has put into the address last.
  const current = useRef(show);
  current.current = show;
  const send = () => {
    own.current = words.trim();
    current.current(own.current);
  };
  useEffect(() => {
    if (shown === own.current) return;
    own.current = shown;
    setWords(shown);
  }, [shown]);
  useEffect(() => {
    if (words.trim() === own.current || waits(words.trim())) return undefined;
    const timer = setTimeout(send, PAUSE);
    return () => clearTimeout(timer);
  }, [words]);
  return { words, setWords, send };
}
