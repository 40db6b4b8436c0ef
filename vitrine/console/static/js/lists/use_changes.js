/** The hook by which a page reads its list again when a service has changed something. */
import { useEffect, useRef } from "preact/hooks";
import { edits } from "../edits/undo.js";
import { listen } from "../stream.js";

const PAUSE = 1000; // milliseconds between two readings, so that a busy shop does not flood the page

/**
 * Call a function after changes of a service, at most once a second.
 * @param {string} service
 * @param {() => void} handle
 * @param {(change: any) => boolean} [concerns]  which changes matter; all without it
 */
export function useChanges(service, handle, concerns = () => true) {
  const current = useRef({ handle, concerns });
  current.current = { handle, concerns };
  useEffect(() => {
    let timer = 0;
    let last = -PAUSE;
    const note = () => {
      if (timer) return;
      timer = setTimeout(() => {
        timer = 0;
        last = performance.now();
        current.current.handle();
      }, Math.max(0, last + PAUSE - performance.now()));
    };
    const ends = [
      listen("change", (events) => {
        if (events.some((event) => event.service === service && current.current.concerns(event))) note();
      }),
      listen("reset", note),
      edits.watch(note), // A caller without the stream sees at least the edits and undos of this tab.
    ];
    return () => {
      for (const end of ends) end();
      clearTimeout(timer);
    };
  }, [service]);
}
