/** The hook by which a page shows an answer, keeps it fresh, and gets well again by itself. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
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
  const [round, setRound] = useState(0);
  const shownPath = useRef("");
  useEffect(() => {
    if (!path) return undefined;
    if (shownPath.current !== path) {
      setReply(null);
      setGood(null);
      shownPath.current = path;
    }
    const stop = new AbortController();
    let timer = 0;
    const load = async () => {
      if (document.hidden) return later(every || RETRY);
      const next = await ask(path, { signal: stop.signal, headers }).catch(() => null);
      if (!next || stop.signal.aborted) return undefined;
      setReply(next);
      if (next.ok) setGood(next);
      const again = next.ok ? every : retryable(next.status) ? Math.max(next.retry, RETRY) : 0;
      return again ? later(again) : undefined;
    };
    const later = (/** @type {number} */ seconds) => {
      timer = setTimeout(load, seconds * 1000);
    };
    load();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [path, every, round]);
  const reload = useCallback(() => setRound((last) => last + 1), []);
  if (shownPath.current !== path) return { reply: null, value: null, error: "", reload };
  return { reply: reply?.ok === false ? reply : good, value: good?.value ?? null, error: reply?.error ?? "", reload };
}

/** @param {number} status */
const retryable = (status) => status === 0 || status === 429 || status >= 500;
