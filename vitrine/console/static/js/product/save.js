/** Writes of a product as a whole: save, create, remove; each of them can be undone. */
import { ask } from "../api.js";
import { edit } from "../edits/edit.js";
import { remember } from "../edits/undo.js";
import { labelOf } from "../product_form/fields.js";
import { same } from "../edits/same.js";

const ALL = "/api/products/products";

/** @typedef {import("../api.js").Reply} Reply */

/** @param {any} product */
export const pathOf = (product) => `/products/${encodeURIComponent(product.id)}`;

/** What people call a product. @param {any} product */
export const nameOf = (product) => product.name ?? product.sku ?? `product ${product.id}`;

/**
 * Save changes of a product. What somebody else changed since is asked for, field by field.
 * @param {any} product  as it was read last
 * @param {string} etag  of it
 * @param {Record<string, unknown>} before  the values of the changed fields when the typing began
 * @param {Record<string, unknown>} after
 * @returns {Promise<Reply>}
 */
export function save(product, etag, before, after) {
  const names = Object.keys(after);
  const isSeen = names.every((name) => same(before[name], product[name]));
  const label = `${names.slice(0, 3).map(labelOf).join(", ").toLowerCase()}${names.length > 3 ? " and more" : ""} of ${nameOf(product)}`;
  // Without an ETag, the product is read again and compared with what was seen.
  return edit({ service: "products", path: pathOf(product), before, after, label, etag: isSeen ? etag : undefined });
}

/**
 * Create a product; the same key creates it once.
 * @param {Record<string, unknown>} values
 * @param {string} key
 */
export async function create(values, key) {
  const reply = await ask(ALL, { method: "POST", body: values, headers: { "Idempotency-Key": key } });
  if (!reply.ok) return reply;
  const { value: product, etag } = reply;
  remember({ label: `new product ${nameOf(product)}`, steps: [{ service: "products", method: "DELETE", path: pathOf(product), etag }] }, `${nameOf(product)} is created.`);
  return reply;
}

/** Move a product to the trash. @param {any} product @param {string} etag */
export async function remove(product, etag) {
  const path = pathOf(product);
  const reply = await ask(`/api/products${path}`, { method: "DELETE", headers: { "If-Match": etag } });
  if (reply.ok) remember({ label: `${nameOf(product)} to the trash`, steps: [{ service: "products", method: "POST", path: `${path}/restore`, etag: "" }] }, `${nameOf(product)} is in the trash.`);
  return reply;
}
