/** The rows of the list: page after page by cursor, and each as it is now while it is shown. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ask } from "../api.js";
import { useEvents } from "../stream.js";
import { useAsk } from "../use_ask.js";
import { COLLECTION, UNCOUNTED } from "./paths.js";

const FLASH = 2400; // milliseconds
const PAUSE = 1000; // milliseconds in which what was dropped is read once
export const MOST = 1000; // rows that are shown at once

/**
 * @typedef {object} Rows
 * @property {any[]} items
 * @property {any} value  of the first page
 * @property {import("../api.js").Reply | null} reply
 * @property {string} error
 * @property {boolean} isCurrent  false while the rows are those of the list before
 * @property {boolean} isBusy  while a further page is read
 * @property {string} next  the path of the next page
 * @property {Set<number>} lit  the ids of rows that have changed a moment ago
 * @property {number} created  products that were created since
 * @property {() => Promise<void>} showMore
 * @property {() => void} reload
 * @property {(...items: any[]) => void} update  put new values into their rows
 * @property {(ids: any[]) => void} remove
 */

/**
 * @param {string} path  of the first page
 * @returns {Rows}
 */
export function useRows(path) {
  const first = useAsk(path, { headers: UNCOUNTED });
  // `start` is the path of the first page that is shown.
  const [list, setList] = useState({ path: "", start: "", pages: 1, items: /** @type {any[]} */ ([]), next: "", error: "", isBusy: false });
  const [lit, setLit] = useState(/** @type {Set<number>} */ (new Set()));
  const [created, setCreated] = useState(0);
  const now = useRef(list);
  now.current = list;
  useLayoutEffect(() => {
    if (!first.value) return undefined;
    setCreated(0);
    const { start, pages } = now.current.path === path ? now.current : { start: path, pages: 1 };
    if (start === path && pages === 1) {
      setList({ path, start, pages, items: first.value.items, next: nextOf(path, first.value), error: "", isBusy: false });
      return undefined;
    }
    // It was read again: as many rows stay as were there, so that nobody loses the place.
    let isOver = false;
    readPages(path, start, pages, first.value).then((fresh) => {
      if (!isOver) setList((last) => (last.pages === pages ? { ...last, ...fresh } : last));
    });
    return () => void (isOver = true);
  }, [first.value]);
  const showMore = async () => {
    const { next } = list;
    if (!next || list.isBusy) return;
    setList({ ...list, isBusy: true });
    const reply = await ask(next, { headers: UNCOUNTED });
    setList((last) => {
      if (last.next !== next) return last; // Another list is shown by now.
      if (!reply.ok) return { ...last, isBusy: false, error: reply.error };
      const known = new Set(last.items.map(({ id }) => id));
      const fresh = reply.value.items.filter((/** @type {any} */ { id }) => !known.has(id));
      const isCut = last.items.length + fresh.length > MOST; // The page stays quick.
      const shown = isCut ? { start: next, pages: 1, items: fresh } : { pages: last.pages + 1, items: [...last.items, ...fresh] };
      return { ...last, ...shown, next: nextOf(path, reply.value), isBusy: false, error: "" };
    });
  };
  const update = useCallback((/** @type {any[]} */ ...fresh) => {
    const byId = new Map(fresh.map((item) => [item.id, item]));
    setList((last) => ({ ...last, items: last.items.map((each) => (byId.has(each.id) ? { ...each, ...byId.get(each.id) } : each)) }));
  }, []);
  const remove = useCallback((/** @type {any[]} */ ids) => {
    setList((last) => ({ ...last, items: last.items.filter(({ id }) => !ids.includes(id)) }));
  }, []);
  const flash = (/** @type {number[]} */ ids) => {
    setLit((last) => new Set([...last, ...ids]));
    setTimeout(() => setLit((last) => new Set([...last].filter((id) => !ids.includes(id)))), FLASH);
  };
  useEvents("change", (events) => {
    const own = events.filter(({ service }) => service === "products");
    const isTrash = new URLSearchParams(path.split("?")[1]).has("deleted");
    if (isTrash || !own.length) return;
    setCreated((last) => last + own.filter(({ type }) => type === "created").length);
    const shown = new Map(now.current.items.map((item) => [item.id, item]));
    const changed = own.filter(({ id, item, type }) => type !== "deleted" && item && shown.has(id) && isNews(shown.get(id), item));
    if (changed.length) {
      update(...changed.map(({ item }) => item));
      flash(changed.map(({ id }) => id));
    }
    const gone = own.filter(({ id, type }) => type === "deleted" && shown.has(id)).map(({ id }) => id);
    if (gone.length) remove(gone);
  });
  useEvents("reset", first.reload);
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEvents("dropped", (events) => {
    // There were too many events to tell each, maybe changes of products.
    if (!events.some(({ where }) => where === "console" || where === "products")) return;
    timer.current ||= setTimeout(() => {
      timer.current = 0;
      first.reload();
    }, PAUSE);
  });
  return {
    items: list.items,
    value: first.value,
    reply: first.reply,
    error: first.error || list.error,
    isCurrent: list.path === path,
    isBusy: list.isBusy,
    next: list.next,
    lit,
    created,
    showMore,
    reload: first.reload,
    update,
    remove,
  };
}

/**
 * Read pages of the list again.
 * @param {string} path  of the list @param {string} start  of the first of these pages @param {number} count
 * @param {any} first  the first page of the list
 */
async function readPages(path, start, count, first) {
  const items = new Map(); // by id: an item may move to the next page meanwhile
  let next = start;
  for (let at = 0; at < count && next; at += 1) {
    let value = first;
    if (next !== path) {
      const reply = await ask(next, { headers: UNCOUNTED });
      if (!reply.ok) return { error: reply.error };
      value = reply.value;
    }
    for (const item of value.items) items.set(item.id, item);
    next = nextOf(path, value);
  }
  return { items: [...items.values()], next, error: "" };
}

/** True if an item is not older than its row, and has another value than it shows. */
const isNews = (/** @type {any} */ shown, /** @type {any} */ item) =>
  !(item.revision < shown.revision) &&
  Object.keys(shown).some((name) => name !== "revision" && name in item && JSON.stringify(shown[name]) !== JSON.stringify(item[name]));

/**
 * Return the path of the page that follows. Only a search without an order has no cursor.
 * @param {string} path @param {any} value
 */
function nextOf(path, value) {
  if (value.next_cursor) return `${path}&${new URLSearchParams({ cursor: value.next_cursor })}`;
  return value.links?.next ? `${COLLECTION.replace(/\/products$/, "")}${value.links.next}` : "";
}

/**
 * Read the variants of a product that the filters of the list let through, when its row is unfolded.
 * @param {number} id @param {string[]} fields @param {[string, string][]} filters
 * @returns {Promise<{items: any[], error: string}>}
 */
export async function variantsOf(id, fields, filters) {
  const first = `${COLLECTION}/${id}/variants?${new URLSearchParams([...filters, ["per", "100"], ["fields", fields.join()]])}`;
  /** @type {any[]} */
  const items = [];
  for (let path = first; path; ) {
    const reply = await ask(path);
    if (!reply.ok) return { items: [], error: reply.error };
    items.push(...reply.value.items);
    path = nextOf(first, reply.value);
  }
  return { items, error: "" };
}
