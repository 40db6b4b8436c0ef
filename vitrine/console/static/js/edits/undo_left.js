/** What a write has left in a part of an item that has no ETag of its own, such as the pictures of a product. */
import { ask } from "../api.js";
import { same } from "./same.js";

/**
 * @typedef {object} Left
 * @property {string} service
 * @property {string} path  of the service, such as /products/12/images/3
 * @property {Record<string, unknown>} [values]  of the fields
 * @property {unknown[]} [order]  instead of values: the ids of the items of a list
 */

/**
 * Tell whether what a write has left is still stored.
 * @param {Left} left
 * @returns {Promise<{error: string, isLeft: boolean}>}
 */
export async function compare({ service, path, values = {}, order }) {
  const read = await ask(`/api/${service}${path}`);
  if (read.status === 404) return { error: "", isLeft: false };
  if (!read.ok) return { error: read.error, isLeft: false };
  if (!order) return { error: "", isLeft: Object.keys(values).every((name) => same(read.value[name], values[name])) };
  // Items that came or went since leave the order of the others as it is.
  const ids = read.value.items.map((/** @type {any} */ { id }) => id);
  return { error: "", isLeft: same(ids.filter((/** @type {unknown} */ id) => order.includes(id)), order.filter((id) => ids.includes(id))) };
}
