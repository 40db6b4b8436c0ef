/** The hook by which a page shows an answer, keeps it fresh, and gets well again by itself. */
import { useCallback, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ask } from "./api.js";

const RETRY = 2; // seconds until a failed request is sent again

/**
 * Load a path, again every few seconds while the tab is visible, and after a failure.
 * @param {string} path  empty: nothing is asked
 * @param {{every?: number, headers?: Record<string, string>}} [options]  `every`: seconds between two requests;
 *   0 for one request. `headers` are the same ones for a path
 * @returns {{reply: import("./api.js").Reply | null, value: any, error: string, reload: () => void}}
 *   `value` is the last good one, even after a failure
 */
export function useAsk(path, { every = 0, headers } = {}) {
  const [reply, setReply] = useState(/** @type {import("./api.js").Reply | null} */ (null));
  const [good, setGood] = useState(/** @type {any} */ (null));
  const shownPath = useRef("");
  const read = useRef(() => {});
  // Other effects wait until the page is painted; the request need not.
  useLayoutEffect(() => {
    read.current = () => {};
    if (!path) return undefined;
    if (shownPath.current !== path) {
      setReply(null);
      setGood(null);
      shownPath.current = path;
    }
    const stop = new AbortController();
    const again = repeatable(async () => {
      if (document.hidden) return { seconds: every || RETRY };
      const next = await ask(path, { signal: stop.signal, headers }).catch(() => null);
      if (!next || stop.signal.aborted) return null;
      const seconds = next.ok ? every : retryable(next.status) ? Math.max(next.retry, RETRY) : 0;
      return { seconds, show: () => (setReply(next), next.ok && setGood(next)) };
    });
    read.current = again.read;
    again.read();
    return () => {
      stop.abort();
      again.end();
    };
  }, [path, every]);
  const reload = useCallback(() => read.current(), []);
  if (shownPath.current !== path) return { reply: null, value: null, error: "", reload };
  return { reply: reply?.ok === false ? reply : good, value: good?.value ?? null, error: reply?.error ?? "", reload };
}

/** @typedef {{seconds: number, show?: () => void}} Answer  `seconds` until it is read again; 0 for never */

/**
 * Make a reading that may be asked for at any time: one at a time, and once more after one that was under
 * way already. Of two in a row at least one is shown, so that a busy shop does not keep the page from them.
 * @param {() => Promise<Answer | null>} load  returns null when it is over
 */
export function repeatable(load) {
  let timer = 0;
  let isRunning = false;
  let isLate = false; // Something has changed since the reading began.
  let wasLate = false;
  let isOver = false;
  const read = async () => {
    clearTimeout(timer);
    if (isOver) return undefined;
    if (isRunning) return void (isLate = true);
    isRunning = true;
    isLate = false;
    const answer = await load();
    isRunning = false;
    if (!answer || isOver) return undefined;
    if (!isLate || wasLate) answer.show?.();
    wasLate = isLate && !wasLate;
    if (isLate) return read();
    if (answer.seconds) timer = setTimeout(read, answer.seconds * 1000);
    return undefined;
  };
  const end = () => {
    isOver = true;
    clearTimeout(timer);
  };
  return { read, end };
}

/** @param {number} status */
const retryable = (status) => status === 0 || status === 429 || status >= 500;
