/** Saves one cell: the text that was typed becomes a value, and the value one edit that can be undone. */
import { isSigned, NUMBER_HINT, numberOf } from "../amounts.js";
import { ask, isUnanswered } from "../api.js";
import { choose } from "../edits/conflict.js";
import { edit } from "../edits/edit.js";
import { remember } from "../edits/undo.js";
import { byPointer, said } from "../product_form/validation.js";
import { randomName } from "../random.js";
import { same } from "../edits/same.js";
import { asRuled, escaped, meaningOf, rowOf } from "../product_form/inputs.js";
import { readRules } from "./attribute_rules.js";
import { typedOf, valueOf as storedIn } from "./columns/columns.js";
import { draftOf, keepDraft } from "./draft.js";
import { COLLECTION } from "./paths.js";

/**
 * @typedef {{error: string, item?: any}} Saved  the item after the write, or one sentence
 * @typedef {{change: number, reason: string, etag: string, key: string}} Sent  a change of the stock, with the key by which it is made once
 */

const TRIES = 5;

/**
 * @param {import("./columns/columns.js").Column} column
 * @param {any} item
 * @param {string} text
 * @returns {Promise<Saved>}
 */
export async function saveCell(column, item, text) {
  if (text === typedOf(column, item)) return { error: "" };
  if (column.attribute !== undefined) return saveAttribute(column, item, text);
  const value = valueOf(column, text);
  if (Number.isNaN(value)) return { error: NUMBER_HINT };
  const { id } = column;
  if (same(value, item[id])) return { error: "" };
  const label = `${column.name.toLowerCase()} of ${item.name}`;
  const reply = await edit({ service: "products", path: `/products/${item.id}`, before: { [id]: item[id] ?? null }, after: { [id]: value }, label });
  if (reply.ok) return { error: "", item: reply.value };
  // There is little room beside a cell: what is said about this field is enough.
  return { error: said(byPointer(reply.value?.errors ?? []), `/${id}`) || reply.error };
}

/**
 * Change one attribute; what somebody else does to the others meanwhile stays.
 * @param {import("./columns/columns.js").Column} column @param {any} item @param {string} text
 * @returns {Promise<Saved>}
 */
async function saveAttribute(column, item, text) {
  const { name } = column;
  const before = storedIn(column, item);
  const rule = (await readRules(item.category))[name] ?? {};
  const row = asRuled(rowOf(name, before ?? undefined), rule);
  if (row.kind === "boolean" && !["", "true", "false"].includes(text)) return { error: "Is neither true nor false; write one of them." };
  const { value, errors } = meaningOf("attributes", [{ ...row, values: [text] }]);
  for (const error of Object.values(errors)) return { error };
  const yours = /** @type {any} */ (value)[name] ?? null;
  if (same(yours, before)) return { error: "" };
  const read = await ask(`${COLLECTION}/${item.id}`);
  if (!read.ok) return { error: read.error };
  const { [name]: theirs = null, ...others } = read.value.attributes ?? {};
  if (!same(theirs, before) && !same(theirs, yours)) {
    const answer = await choose(`${name} of ${item.name} was changed meanwhile`, [{ name, before, theirs, yours }]);
    if (!answer || answer[0]) return { error: "", item: read.value };
  }
  const attributes = { ...others, .../** @type {any} */ (value) };
  const reply = await edit({ service: "products", path: `/products/${item.id}`, before: { attributes: read.value.attributes ?? {} }, after: { attributes }, etag: read.etag, label: `${name} of ${item.name}` });
  if (reply.ok) return { error: "", item: reply.value };
  return { error: said(byPointer(reply.value?.errors ?? []), `/attributes/${escaped(name)}`) || reply.error };
}

/** @param {import("./columns/columns.js").Column} column @param {string} text */
function valueOf(column, text) {
  if (column.editor === "number") return numberOf(text);
  if (column.editor === "list") return text.split(",").map((part) => part.trim()).filter(Boolean);
  return text.trim() || null;
}

/**
 * Change the stock by a difference, with its reason in the ledger.
 *
 * A text such as +5 or -3 adds to what is stored now. A number is the new stock: if the stock is
 * another one than the reader saw, the reader decides. A change whose answer has not come is sent
 * again as it was, also after a reload, so that it counts once.
 * @param {any} item @param {string} text @param {string} reason
 * @returns {Promise<Saved>}
 */
export async function saveStock(item, text, reason) {
  const wanted = numberOf(text);
  if (wanted === null || !Number.isInteger(wanted)) return { error: "Is not a whole number; write how many there are, or a difference such as +5." };
  if (item.stock == null) return begin(item, wanted);
  const isDifference = isSigned(text);
  if (!isDifference && wanted === item.stock) return { error: "" };
  if (!reason.trim()) return { error: "Say why the stock changes, such as delivery or damaged." };
  const unanswered = draftOf(item.id, "stock")?.sent;
  if (unanswered) {
    const reply = await addToStock(item, unanswered);
    if (reply.status !== 412) return savedStock(item, reply);
  }
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
    const reply = await addToStock(item, { change, reason: reason.trim(), etag: read.etag, key: randomName() });
    if (reply.status !== 412) return savedStock(item, reply);
  }
  return { error: "The stock is changed all the time; try again." };
}

/** @param {any} item @param {import("../api.js").Reply} reply @returns {Saved} */
const savedStock = (item, reply) => (reply.ok ? { error: "", item: reply.value } : { error: reply.error });

/**
 * Send a change, which the draft keeps until an answer comes, and remember the opposite one.
 * @param {any} item @param {Sent} sent
 */
async function addToStock(item, sent) {
  const { change, reason, etag, key } = sent;
  const draft = draftOf(item.id, "stock");
  if (draft) keepDraft({ ...draft, sent });
  const path = `/products/${item.id}/stock`;
  const reply = await ask(`/api/products${path}`, { method: "POST", body: { change, reason }, headers: { "If-Match": etag, "Idempotency-Key": key } });
  const last = draftOf(item.id, "stock");
  if (last?.sent?.key === key && !isUnanswered(reply)) keepDraft({ ...last, sent: undefined });
  if (reply.ok) {
    const body = { change: -change, reason: `undo: ${reason}`.slice(0, 200) };
    remember({ label: `stock of ${item.name}`, steps: [{ service: "products", method: "POST", path, body, etag: "", key: randomName() }] });
  }
  return reply;
}

/** Begin to count the stock of a product. @param {any} item @param {number} stock @returns {Promise<Saved>} */
async function begin(item, stock) {
  const reply = await edit({ service: "products", path: `/products/${item.id}`, before: { stock: null }, after: { stock }, label: `stock of ${item.name}` });
  return reply.ok ? { error: "", item: reply.value } : { error: reply.error };
}
