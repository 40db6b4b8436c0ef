/** The hook by which a page shows a list, page by page along its links, and keeps it fresh. */
import { useCallback, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ask } from "../api.js";
import { repeatable } from "../use_ask.js";

const RETRY = 2; // seconds until a failed request is sent again
const MOST_PAGES = 10; // that are shown at once, so that a page stays quick

/**
 * @typedef {object} List
 * @property {string} path  of the first page
 * @property {any[] | null} items  null until the first answer
 * @property {any} value  the first page
 * @property {import("../api.js").Reply | null} reply
 * @property {string} error
 * @property {string} next  the path of the page that follows
 */

/** @type {List} */
const NONE = { path: "", items: null, value: null, reply: null, error: "", next: "" };

/**
 * Load a list of a service, and further pages when they are asked for.
 *
 * The pages are read from the first one each time, which the cache answers, so none shows an older state.
 * @param {string} path  of the first page; empty: nothing is asked
 * @param {number} [pages]  that are read at first
 * @returns {List & {showMore: () => void, reload: () => void, isFull: boolean}}  `isFull`: no more pages are shown
 */
export function usePages(path, pages = 1) {
  const [list, setList] = useState(NONE);
  const read = useRef(() => {});
  const wanted = useRef({ path, pages });
  if (wanted.current.path !== path) wanted.current = { path, pages };
  useLayoutEffect(() => {
    read.current = () => {};
    if (!path) return undefined;
    const stop = new AbortController();
    const again = repeatable(async () => {
      if (document.hidden) return { seconds: RETRY };
      const found = await readPages(path, wanted.current.pages, stop.signal).catch(() => null);
      if (!found || stop.signal.aborted) return null;
      const status = found.reply?.status ?? 0;
      const isRetryable = found.error && (status === 0 || status === 429 || status >= 500);
      return {
        seconds: isRetryable ? Math.max(found.reply?.retry ?? 0, RETRY) : 0,
        show: () => setList((last) => (found.error && last.path === path ? { ...last, reply: found.reply, error: found.error } : found)),
      };
    });
    read.current = again.read;
    again.read();
    return () => {
      stop.abort();
      again.end();
    };
  }, [path]);
  const reload = useCallback(() => read.current(), []);
  const showMore = useCallback(() => {
    wanted.current.pages = Math.min(wanted.current.pages + 1, MOST_PAGES);
    reload();
  }, []);
  const shown = list.path === path ? list : { ...NONE, path };
  return { ...shown, showMore, reload, isFull: wanted.current.pages >= MOST_PAGES };
}

/**
 * @param {string} path @param {number} count @param {AbortSignal} signal
 * @returns {Promise<List>}
 */
async function readPages(path, count, signal) {
  const items = new Map(); // by id: an item may move to the next page meanwhile
  let next = path;
  let first = null;
  for (let at = 0; at < count && next; at += 1) {
    const reply = await ask(next, { signal });
    if (!reply.ok) return { ...NONE, path, reply, error: reply.error };
    first ??= reply;
    for (const item of reply.value.items) items.set(item.id ?? items.size, item);
    next = following(path, reply.value);
  }
  return { path, items: [...items.values()], value: first?.value, reply: first, error: "", next };
}

/**
 * The path of the page that follows, through the console: by its link, or by its number where a list has no links.
 * @param {string} path  of the first page @param {any} value
 */
function following(path, value) {
  if (value.links?.next) return `${path.split("/", 3).join("/")}${value.links.next}`;
  if (value.links || !(value.page * value.per < value.total)) return "";
  const [base, query] = path.split("?");
  const parameters = new URLSearchParams(query);
  parameters.set("page", String(value.page + 1));
  return `${base}?${parameters}`;
}
