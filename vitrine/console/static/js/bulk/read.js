/** Reads the products of an edit of many: those that are selected, or all of a list. */
import { askPatiently, forEachOf } from "../edits/patient.js";
import { COLLECTION } from "../products/paths.js";

export const MOST = 10_000; // products of one edit
const FIELDS = ["id", "slug", "name", "price", "currency", "status", "category", "brand", "tags"];

/**
 * @typedef {{items: any[]} | {path: (fields: string[]) => string}} Source  the selected products, or all of a list
 * @typedef {(done: number) => void} Progress
 */

/** @param {import("./plan.js").Change | "trash"} change */
const fieldsOf = (change) => (change !== "trash" && change.field === "attribute" ? [...FIELDS, "attributes"] : FIELDS);

/**
 * Return the products as they are now, at most ``MOST`` of them.
 * @param {Source} source @param {import("./plan.js").Change | "trash"} change @param {Progress} progress
 * @returns {Promise<{items: any[], isCut: boolean, error: string}>}
 */
export async function gather(source, change, progress) {
  if ("items" in source) {
    const { found, error } = await readEach(source.items.slice(0, MOST), change, progress);
    return { items: [...found.values()], isCut: source.items.length > MOST, error };
  }
  const first = source.path(fieldsOf(change));
  /** @type {any[]} */
  const items = [];
  for (let cursor = ""; ; ) {
    const reply = await askPatiently(first + (cursor && `&${new URLSearchParams({ cursor })}`), { headers: { Prefer: "count=none" } });
    if (!reply.ok) return { items, isCut: false, error: reply.error };
    items.push(...reply.value.items);
    progress(items.length);
    cursor = reply.value.next_cursor ?? "";
    if (!cursor || items.length >= MOST) return { items: items.slice(0, MOST), isCut: items.length > MOST || Boolean(cursor), error: "" };
  }
}

/**
 * Read products one by one. Those that are gone are left out.
 * @param {any[]} items @param {import("./plan.js").Change | "trash"} change @param {Progress} [progress]
 * @returns {Promise<{found: Map<number, any>, error: string}>} by id, in the order of the items
 */
export async function readEach(items, change, progress = () => {}) {
  const found = new Map(items.map(({ id }) => [id, null]));
  let count = 0;
  const error = await forEachOf(items, async ({ id }) => {
    const reply = await askPatiently(`${COLLECTION}/${id}?fields=${fieldsOf(change)}`);
    if (reply.ok) found.set(id, reply.value);
    else if (reply.status !== 404) return reply.error;
    progress((count += 1));
    return "";
  });
  return { found: new Map([...found].filter(([, item]) => item)), error };
}
