/** Writes of many products: read them, try the change without writing, write it as one import. */
import { ask } from "../api.js";
import { forget, remember } from "../edits/undo.js";
import { askPatiently, forEachOf } from "../edits/patient.js";
import { randomName } from "../random.js";
import { planned } from "./bulk_plan.js";
import { COLLECTION } from "./query.js";

export const MOST = 10_000; // products of one edit
const BATCH = 1000;
const FIELDS = ["id", "slug", "name", "price", "currency", "status", "category", "brand", "tags"];

/**
 * @typedef {{items: any[]} | {path: (fields: string[]) => string}} Source  the selected products, or all of a list
 * @typedef {(done: number) => void} Progress
 * @typedef {{item: any, why: string}} Refused
 * @typedef {{changed: import("./bulk_plan.js").Planned[], unchanged: number, refused: Refused[], isCut: boolean}} Preview
 */

/**
 * Return the products, at most ``MOST`` of them.
 * @param {Source} source @param {Progress} progress
 * @returns {Promise<{items: any[], isCut: boolean, error: string}>}
 */
export async function gather(source, progress) {
  if ("items" in source) return { items: source.items.slice(0, MOST), isCut: source.items.length > MOST, error: "" };
  const first = source.path(FIELDS);
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
 * Try a change of many products; nothing is written.
 * @param {any[]} items @param {import("./bulk_plan.js").Change} change @param {Progress} progress
 * @returns {Promise<{preview?: Preview, error: string}>}
 */
export async function tryOut(items, change, progress) {
  const plans = items.map((item) => planned(item, change));
  /** @type {Preview} */
  const preview = { changed: [], unchanged: 0, refused: plans.filter(({ why }) => why).map(({ item, why }) => ({ item, why: why ?? "" })), isCut: false };
  const error = await inBatches(plans.filter(({ after }) => after), change, "&dry_run=1", {}, (plan, result) => {
    if (result.result === "updated") preview.changed.push(plan);
    else if (result.result === "unchanged") preview.unchanged += 1;
    else preview.refused.push({ item: plan.item, why: whyOf(result) });
    progress(preview.changed.length + preview.unchanged + preview.refused.length);
  });
  return error ? { error } : { preview, error: "" };
}

/**
 * Write what was tried. Products that somebody has changed since are read again first.
 * @param {Preview} preview @param {import("./bulk_plan.js").Change} change @param {Set<number>} stale @param {string} label @param {Progress} progress
 * @returns {Promise<{written: number, refused: Refused[], error: string}>}
 */
export async function write(preview, change, stale, label, progress) {
  /** @type {Refused[]} */
  const refused = [];
  let plans = preview.changed;
  const read = plans.filter(({ item }) => stale.has(item.id));
  if (read.length) {
    const fresh = new Map();
    const error = await forEachOf(read, async ({ item }) => {
      const reply = await askPatiently(`${COLLECTION}/${item.id}?fields=${FIELDS}`);
      if (reply.ok) fresh.set(item.id, planned(reply.value, change));
      return reply.ok || reply.status === 404 ? "" : reply.error;
    });
    if (error) return { written: 0, refused, error };
    plans = plans.map((plan) => (stale.has(plan.item.id) ? fresh.get(plan.item.id) : plan)).filter((plan) => plan?.after);
  }
  const { edit, headers } = begin(label);
  let written = 0;
  const error = await inBatches(plans, change, "", headers, (plan, result) => {
    if (result.result === "updated") written += 1;
    else if (result.result === "failed") refused.push({ item: plan.item, why: whyOf(result) });
    progress(written + refused.length);
  });
  if (!written && !error) forget(edit);
  return { written, refused, error };
}

/**
 * Move products to the trash, as one edit.
 * @param {any[]} items @param {string} label @param {Progress} progress
 * @returns {Promise<{written: number, refused: Refused[], error: string}>}
 */
export async function discard(items, label, progress) {
  const { edit, headers } = begin(label);
  /** @type {Refused[]} */
  const refused = [];
  let written = 0;
  const error = await forEachOf(items, async (item) => {
    const reply = await askPatiently(`${COLLECTION}/${item.id}`, { method: "DELETE", headers });
    if (reply.ok) progress((written += 1));
    else if ([401, 403, 0, 429, 503].includes(reply.status)) return reply.error;
    else refused.push({ item, why: reply.error });
    return "";
  });
  if (!written && !error) forget(edit);
  return { written, refused, error };
}

/** Remember an edit before its first write, so that nothing can come between. @param {string} label */
function begin(label) {
  const id = `console-${randomName()}`;
  const edit = { label, batch: { service: "products", path: "/products", id } };
  remember(edit, `Saving: ${label}.`);
  return { edit, headers: { "Import-ID": id } };
}

/**
 * @param {import("./bulk_plan.js").Planned[]} plans
 * @param {import("./bulk_plan.js").Change} change
 * @param {string} parameters
 * @param {Record<string, string>} headers
 * @param {(plan: import("./bulk_plan.js").Planned, result: any) => void} note
 * @returns {Promise<string>} why it stopped
 */
async function inBatches(plans, change, parameters, headers, note) {
  // A merge patch keeps the attributes that it does not name, and null removes one.
  const type = change.field === "attribute" ? { "Content-Type": "application/merge-patch+json" } : {};
  for (let at = 0; at < plans.length; at += BATCH) {
    const part = plans.slice(at, at + BATCH);
    const body = part.map(({ item, after }) => ({ slug: item.slug, ...after }));
    const reply = await askPatiently(`${COLLECTION}:batch?key=slug${parameters}`, { method: "POST", body, headers: { ...type, ...headers } });
    if (!reply.ok) return reply.error;
    for (const result of reply.value.results) note(part[result.index], result);
  }
  return "";
}

/** @param {any} result */
const whyOf = (result) => (result.errors ?? []).map((/** @type {any} */ { pointer, message }) => `${(pointer ?? "").slice(1)} ${message}`.trim()).join(" ") || `It was refused with ${result.status}.`;

/**
 * Bring a product back from the trash; under another value if its own was taken meanwhile.
 * @param {any} item @param {Record<string, string>} [values]
 * @returns {Promise<import("../api.js").Reply>}
 */
export async function restore(item, values) {
  const path = `/products/${item.id}`;
  const reply = await ask(`/api/products${path}/restore`, { method: "POST", body: values });
  if (reply.ok) remember({ label: `${item.name} out of the trash`, steps: [{ service: "products", method: "DELETE", path, etag: reply.etag }] }, `Restored: ${item.name}.`);
  return reply;
}
