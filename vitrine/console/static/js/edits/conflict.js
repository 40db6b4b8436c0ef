/** A conflict: somebody else changed the item since it was read, and the reader decides, field by field. */
import { ask } from "../api.js";
import { Value } from "../value.js";

/**
 * @typedef {object} Conflict
 * @property {import("../api.js").Reply} reply  the refusal (412), with `differing` and `current_etag`
 * @property {string} service
 * @property {string} path  of the service, such as /products/12
 * @property {Record<string, unknown>} after  what the reader wants
 * @property {Record<string, unknown>} before  what the reader saw
 * @property {string} [method]  of the request; PATCH without one
 */

/** @type {Value<(Conflict & {done: (changes: Record<string, unknown> | null) => void}) | null>} the one that is shown */
export const conflict = new Value(null);

/**
 * Ask the reader, and send what the reader chose.
 * @param {Conflict} found
 * @returns {Promise<import("../api.js").Reply | null>} null if the reader keeps what is stored
 */
export async function decide(found) {
  const changes = await new Promise((resolve) => conflict.set({ ...found, done: resolve }));
  conflict.set(null);
  if (!changes || !Object.keys(changes).length) return null;
  const headers = { "If-Match": found.reply.value.current_etag };
  const reply = await ask(`/api/${found.service}${found.path}`, { method: "PATCH", body: changes, headers });
  if (reply.status !== 412 || !reply.value?.differing) return reply;
  return decide({ ...found, reply, after: changes }); // It was changed again meanwhile.
}
