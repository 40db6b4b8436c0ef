/** One edit of one item: sent with the ETag of what the reader saw, and remembered to be undone. */
import { ask } from "../api.js";
import { same } from "./same.js";
import { isConflict, resolve } from "./conflict.js";
import { remember } from "./undo.js";

/**
 * @typedef {object} Change
 * @property {string} service
 * @property {string} path  of the service, such as /products/12
 * @property {Record<string, unknown>} before  the values that the reader saw of the fields that change
 * @property {Record<string, unknown>} after
 * @property {string} label  what is done, such as "price of Teapot"
 * @property {string} [etag]  of what the reader saw; without one the item is read first
 */

/**
 * Change some fields of an item.
 *
 * If somebody else changed one of these fields since, the reader is asked, field by field.
 * @param {Change} change
 * @returns {Promise<import("../api.js").Reply>} with the item and its new ETag; a refusal is in `error`
 */
export async function edit({ service, path, before, after, label, etag }) {
  const url = `/api/${service}${path}`;
  let from = etag ?? "";
  let reply;
  if (!from) {
    const read = await ask(url);
    if (!read.ok) return read;
    from = read.etag;
    const differing = differences(read.value, before, after);
    if (differing) reply = { ...read, ok: false, status: 412, value: { differing, current_etag: from } };
  }
  reply ??= await ask(url, { method: "PATCH", body: after, headers: { "If-Match": from } });
  if (!isConflict(reply)) return reply.ok ? kept(reply, from, { service, path, before, after, label }) : reply;
  const resolved = await resolve(reply, { service, path, before, after, label });
  if (!resolved) return { ...reply, error: "Nothing was written: the stored values were kept." };
  return resolved.reply.ok ? kept(resolved.reply, resolved.from, resolved.write) : resolved.reply;
}

/**
 * Remember how an edit is taken back.
 * @param {import("../api.js").Reply} reply
 * @param {string} from
 * @param {import("./conflict.js").Write} write
 */
function kept(reply, from, { service, path, before, after, label }) {
  const names = Object.keys(after).filter((name) => !same(before[name], after[name]));
  const pick = (/** @type {Record<string, unknown>} */ values) => Object.fromEntries(names.map((name) => [name, values[name] ?? null]));
  // What is stored may be written in another way than it was sent, such as without blanks.
  const left = pick({ ...after, ...reply.value });
  if (names.length) remember({ label, steps: [{ service, method: "PATCH", path, body: pick(before), before: left, etag: reply.etag, from }] });
  return reply;
}

/** The fields that differ from what the reader saw and from what the reader wants; null if none does. */
function differences(/** @type {any} */ stored, /** @type {any} */ before, /** @type {any} */ after) {
  const found = Object.keys(after).filter((name) => !same(stored[name], before[name]) && !same(stored[name], after[name]));
  return found.length ? Object.fromEntries(found.map((name) => [name, { stored: stored[name], sent: after[name] }])) : null;
}
