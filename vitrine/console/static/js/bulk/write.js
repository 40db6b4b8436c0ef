/** Writes of many products: try the change without writing, write it as one import. */
import { forget, remember } from "../edits/undo.js";
import { askPatiently, forEachOf } from "../edits/patient.js";
import { randomName } from "../random.js";
import { same } from "../edits/same.js";
import { planned } from "./plan.js";
import { COLLECTION } from "../products/paths.js";
import { readEach } from "./read.js";

const BATCH = 1000;

/**
 * @typedef {import("./read.js").Progress} Progress
 * @typedef {{item: any, why: string}} Refused
 * @typedef {{changed: import("./plan.js").Planned[], unchanged: number, refused: Refused[], isCut: boolean}} Preview
 */

/**
 * Try a change of many products; nothing is written.
 * @param {any[]} items @param {import("./plan.js").Change} change @param {Progress} progress
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
 * Write what was tried. A product that has another value by now than the preview has shown is left out.
 * @param {Preview} preview @param {import("./plan.js").Change} change @param {string} label @param {Progress} progress
 * @returns {Promise<{written: number, refused: Refused[], error: string}>}
 */
export async function write(preview, change, label, progress) {
  /** @type {Refused[]} */
  const refused = [];
  const { edit, headers } = begin(label);
  let [written, mayBeMore] = [0, false];
  let error = "";
  for (let at = 0; at < preview.changed.length && !error; at += BATCH) {
    const seen = await asSeen(preview.changed.slice(at, at + BATCH), change);
    refused.push(...seen.refused);
    error = seen.error || (await inBatches(seen.plans, change, "", headers, (plan, { result, ...rest }, isRepeated) => {
      mayBeMore ||= isRepeated;
      if (result === "updated" || (result === "unchanged" && isRepeated)) written += 1;
      else if (result === "failed") refused.push({ item: plan.item, why: whyOf(rest) });
      progress(written + refused.length);
    }));
  }
  if (!written && !error && !mayBeMore) forget(edit);
  return { written, refused, error };
}

/**
 * Return the plans whose products are as the preview has shown them. A try with the values of before
 * would change nothing then; the others are read.
 * @param {import("./plan.js").Planned[]} plans @param {import("./plan.js").Change} change
 * @returns {Promise<{plans: import("./plan.js").Planned[], refused: Refused[], error: string}>}
 */
async function asSeen(plans, change) {
  const before = plans.map(({ item, after }) => ({ item, after: valuesOf(item, after) }));
  const doubtful = new Set();
  const tried = await inBatches(before, change, "&dry_run=1", {}, ({ item }, { result }) => {
    if (result !== "unchanged") doubtful.add(item);
  });
  const { found, error } = tried ? { found: new Map(), error: tried } : await readEach([...doubtful], change);
  const isOther = (/** @type {import("./plan.js").Planned} */ { item, after }) => doubtful.has(item) && !same(valuesOf(found.get(item.id), after), valuesOf(item, after));
  const refused = plans.filter(isOther).map(({ item }) => ({ item, why: found.has(item.id) ? `Its ${change.field} was changed meanwhile. Look at it, and repeat the edit.` : "It is not there any more." }));
  return { plans: plans.filter((plan) => !isOther(plan)), refused, error };
}

/**
 * What a product has of the fields, or of the attribute, that a plan changes, and the slug by which it is found.
 * @param {any} item @param {Record<string, any>} [after] @returns {Record<string, any> | null}
 */
function valuesOf(item, after = {}) {
  if (!item) return null;
  const pick = (/** @type {any} */ from, /** @type {any} */ like) => Object.fromEntries(Object.keys(like).map((name) => [name, from?.[name] ?? null]));
  const values = after.attributes ? { attributes: pick(item.attributes, after.attributes) } : pick(item, after);
  return { slug: item.slug, ...values };
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
    const reply = await askPatiently(`${COLLECTION}/${item.id}`, { method: "DELETE", headers: { ...headers, "If-Match": "*" } });
    if (reply.ok || (reply.status === 404 && reply.isRepeated)) progress((written += 1));
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
 * @param {import("./plan.js").Planned[]} plans
 * @param {import("./plan.js").Change} change
 * @param {string} parameters
 * @param {Record<string, string>} headers
 * @param {(plan: import("./plan.js").Planned, result: any, isRepeated: boolean) => void} note
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
    for (const result of reply.value.results) note(part[result.index], result, reply.isRepeated);
  }
  return "";
}

/** @param {any} result */
const whyOf = (result) => (result.errors ?? []).map((/** @type {any} */ { pointer, message }) => `${(pointer ?? "").slice(1)} ${message}`.trim()).join(" ") || `It was refused with ${result.status}.`;

