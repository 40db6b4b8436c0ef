/** The columns of the products: what they show, whether they can be edited, and which are chosen. */
import { amount, moment, price, typed, typedPrice } from "../../amounts.js";
import { shown } from "../../format.js";
import { html } from "../../html.js";
import { Pill } from "../../parts/pill.js";
import { Picture } from "../../photos/picture.js";
import { PRICES } from "../../product_form/fields.js";
import { Value } from "../../value.js";
import { ATTRIBUTE, keepColumns, keptColumns } from "./fields.js";

export const STATUSES = ["active", "draft", "archived"];
const TONES = { active: "good", draft: "warn", archived: "none" };

/**
 * @typedef {object} Column
 * @property {string} id  the field, or attr.NAME
 * @property {string} name
 * @property {"text" | "number" | "list" | "status" | "category" | "brand" | "stock" | "attribute" | ""} editor  empty: it cannot be edited here
 * @property {(item: any) => any} cell
 * @property {string} [kind]  classes
 * @property {boolean} [sorts]
 * @property {string} [attribute]  the name of the attribute
 */

const text = (/** @type {string} */ id) => (/** @type {any} */ item) => html`<span dir="auto">${shown(item[id])}</span>`;
const money = (/** @type {string} */ id) => (/** @type {any} */ item) => price(item[id], item.currency);
const number = (/** @type {string} */ id) => (/** @type {any} */ item) => amount(item[id]);
const when = (/** @type {string} */ id) => (/** @type {any} */ item) => moment(item[id]);
const Name = (/** @type {any} */ item) => html`<span class="clamped" dir="auto" title=${item.name}>${shown(item.name)}</span>`;
const Status = (/** @type {any} */ item) => html`<${Pill} kind=${/** @type {any} */ (TONES)[item.status] ?? "plain"}>${shown(item.status)}<//>`;

/** @type {Column[]} */
export const COLUMNS = [
  { id: "images", name: "Picture", editor: "", cell: (item) => html`<${Picture} image=${item.images?.[0]} />`, kind: "tight" },
  { id: "name", name: "Name", editor: "text", cell: Name, kind: "wide", sorts: true },
  { id: "sku", name: "SKU", editor: "text", cell: text("sku") },
  { id: "price", name: "Price", editor: "number", cell: money("price"), kind: "number", sorts: true },
  { id: "compare_at_price", name: "Earlier price", editor: "number", cell: money("compare_at_price"), kind: "number" },
  { id: "stock", name: "Stock", editor: "stock", cell: Stock, kind: "number", sorts: true },
  { id: "status", name: "Status", editor: "status", cell: Status, kind: "tight" },
  { id: "category", name: "Category", editor: "category", cell: text("category") },
  { id: "brand", name: "Brand", editor: "brand", cell: text("brand"), sorts: true },
  { id: "tags", name: "Tags", editor: "list", cell: (item) => html`<span dir="auto">${item.tags?.join(", ") || "–"}</span>` },
  { id: "gtin", name: "GTIN", editor: "text", cell: text("gtin"), kind: "number" },
  { id: "group", name: "Group", editor: "text", cell: text("group") },
  { id: "weight", name: "Weight in g", editor: "number", cell: number("weight"), kind: "number" },
  { id: "tax_class", name: "Tax class", editor: "text", cell: text("tax_class") },
  { id: "external_ref", name: "External reference", editor: "text", cell: text("external_ref") },
  { id: "created_at", name: "Created", editor: "", cell: when("created_at"), kind: "time", sorts: true },
  { id: "updated_at", name: "Changed", editor: "", cell: when("updated_at"), kind: "time", sorts: true },
];
/** @type {Column} */
export const DELETED = { id: "deleted_at", name: "Deleted", editor: "", cell: when("deleted_at"), kind: "time" };

/** @type {Value<string[]>} the chosen columns, kept in the tab */
export const chosen = new Value(keptColumns());

/** @param {string[]} ids */
export function choose(ids) {
  keepColumns(ids);
  chosen.set(ids);
}

/**
 * Return the columns of some ids, the name first.
 * @param {string[]} ids @param {boolean} isTrash
 */
export function columnsOf(ids, isTrash) {
  const known = COLUMNS.filter(({ id }) => id === "name" || ids.includes(id));
  const attributes = ids.filter((id) => id.startsWith(ATTRIBUTE)).map(attribute);
  return isTrash ? [...known, ...attributes, DELETED].map((column) => ({ ...column, editor: "", sorts: false })) : [...known, ...attributes];
}

/** @param {string} id  attr.NAME @returns {Column} */
function attribute(id) {
  const name = id.slice(ATTRIBUTE.length);
  const cell = (/** @type {any} */ item) => html`<span dir="auto">${[item.attributes?.[name] ?? "–"].flat().map(word).join(", ")}</span>`;
  return { id, name, editor: "attribute", cell, attribute: name };
}

/** @param {any} value */
const word = (value) => (typeof value === "boolean" ? (value ? "yes" : "no") : value);

/** The value of a cell; null for none. @param {Column} column @param {any} item */
export const valueOf = ({ id, attribute: name }, item) => (name === undefined ? item[id] : item.attributes?.[name]) ?? null;

/** A product with another value in a cell. @param {Column} column @param {any} item @param {any} value */
export const withValue = ({ id, attribute: name }, item, value) =>
  name === undefined ? { ...item, [id]: value } : { ...item, attributes: { ...item.attributes, [name]: value } };

/** What stands in the field of an editor. @param {Column} column @param {any} item */
export function typedOf(column, item) {
  const value = valueOf(column, item);
  if (column.editor === "list") return (value ?? []).join(", ");
  return PRICES.includes(column.id) ? typedPrice(value, item.currency) : typed(value);
}

/** True if a cell can be edited here; several values of an attribute are edited on the page of the product. @param {Column} column @param {any} item */
export const isEditable = (column, item) => Boolean(column.editor) && !(column.editor === "attribute" && valueOf(column, item) instanceof Object);

/** @param {any} item */
function Stock(item) {
  if (item.stock == null) return html`<span class="dim">not counted</span>`;
  return html`<span class=${item.stock > 0 ? "" : "warn"}>${amount(item.stock)}</span>`;
}
