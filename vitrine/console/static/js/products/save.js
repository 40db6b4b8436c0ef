/** Saves one cell: the text that was typed becomes a value, and the value one edit that can be undone. */
import { NUMBER_HINT, numberOf } from "../amounts.js";
import { ask } from "../api.js";
import { choose, same } from "../edits/conflict.js";
import { edit } from "../edits/edit.js";
import { remember } from "../edits/undo.js";
import { typedOf } from "./columns.js";
import { COLLECTION } from "./query.js";

/** @typedef {{error: string, item?: any}} Saved  the item after the write, or one sentence */

const TRIES = 5;

/**
 * @param {import("./columns.js").Column} column
 * @param {any} item
 * @param {string} text
 * @returns {Promise<Saved>}
 */
export async function saveCell(column, item, text) {
  if (text === typedOf(column, item)) return { error: "" };
  const value = valueOf(column, text);
  if (Number.isNaN(value)) return { error: NUMBER_HINT };
  const { id } = column;
  if (same(value, item[id])) return { error: "" };
  const label = `${column.name.toLowerCase()} of ${item.name}`;
  const reply = await edit({ service: "products", path: `/products/${item.id}`, before: { [id]: item[id] ?? null }, after: { [id]: value }, label });
  return reply.ok ? { error: "", item: reply.value } : { error: reply.error };
}

/** @param {import("./columns.js").Column} column @param {string} text */
function valueOf(column, text) {
  if (column.editor === "number") return numberOf(text);
  if (column.editor === "list") return text.split(",").map((part) => part.trim()).filter(Boolean);
  return text.trim() || null;
}

/**
 * Change the stock by a difference, with its reason in the ledger.
 *
 * A text such as +5 or -3 adds to what is stored now. A number is the new stock: if the stock is
 * another one than the reader saw, the reader decides.
 * @param {any} item @param {string} text @param {string} reason
 * @returns {Promise<Saved>}
 */
export async function saveStock(item, text, reason) {
  const wanted = numberOf(text);
  if (wanted === null || !Number.isInteger(wanted)) return { error: "Is not a whole number; write how many there are, or a difference such as +5." };
  const isDifference = /^\s*[+-]/.test(text);
  if (item.stock == null) return begin(item, wanted);
  if (!isDifference && wanted === item.stock) return { error: "" };
  if (!reason.trim()) return { error: "Say why the stock changes, such as delivery or damaged." };
  for (let at = 0, seen = item.stock; at < TRIES; at += 1) {
    const read = await ask(`${COLLECTION}/${item.id}`);
    if (!read.ok) return { error: read.error };
    const { stock } = read.value;
    if (!isDifference && stock !== seen) {
      const answer = await choose(`The stock of ${item.name} was changed meanwhile`, [{ name: "stock", before: seen, theirs: stock, yours: wanted }]);
      if (!answer || answer[0]) return { error: "", item: read.value };
      seen = stock;
    }
    const change = isDifference ? wanted : wanted - stock;
    if (!change) return { error: "", item: read.value };
    const reply = await addToStock(item.id, change, reason, read.etag);
    if (reply.status === 412) continue;
    if (!reply.ok) return { error: reply.error };
    const body = { change: -change, reason: `undo: ${reason}`.slice(0, 200) };
    const path = `/products/${item.id}/stock`;
    remember({ label: `stock of ${item.name}`, steps: [{ service: "products", method: "POST", path, body, etag: "" }] });
    return { error: "", item: reply.value };
  }
  return { error: "The stock is changed all the time; try again." };
}

/** @param {number} id @param {number} change @param {string} reason @param {string} etag */
const addToStock = (id, change, reason, etag) =>
  ask(`${COLLECTION}/${id}/stock`, { method: "POST", body: { change, reason: reason.trim() }, headers: { "If-Match": etag } });

/** Begin to count the stock of a product. @param {any} item @param {number} stock @returns {Promise<Saved>} */
async function begin(item, stock) {
  const reply = await edit({ service: "products", path: `/products/${item.id}`, before: { stock: null }, after: { stock }, label: `stock of ${item.name}` });
  return reply.ok ? { error: "", item: reply.value } : { error: reply.error };
}
