/** The lines of an order, of every kind, and what they add up to. */
import { amount, price } from "../amounts.js";
import { html } from "../html.js";
import { Pill } from "../parts/pill.js";
import { Table } from "../parts/table.js";

/** @param {{order: any}} props */
export function Lines({ order }) {
  const money = (/** @type {any} */ value) => price(value, order.currency);
  const columns = [
    { name: "Line", kind: "wide", cell: Name },
    { name: "Kind", kind: "tight", cell: (/** @type {any} */ line) => html`<${Pill} kind=${line.kind ? "write" : "none"}>${line.kind ?? "product"}<//>` },
    { name: "SKU", kind: "tight", label: true, cell: (/** @type {any} */ line) => html`<span dir="auto">${line.sku ?? "–"}</span>` },
    { name: "Quantity", kind: "number", label: true, cell: (/** @type {any} */ line) => amount(line.quantity) },
    { name: "Price", kind: "number", label: true, cell: (/** @type {any} */ line) => money(line.unit_price) },
    { name: "Discount", kind: "number", label: true, cell: (/** @type {any} */ line) => money(line.discount) },
    { name: "Total", kind: "number", label: true, cell: (/** @type {any} */ line) => html`<b>${money(line.total)}</b>` },
  ];
  const rows = (Array.isArray(order.items) ? order.items : []).map((/** @type {any} */ line, /** @type {number} */ at) => ({ ...line, at }));
  return html`<${Table} caption="Lines of the order" columns=${columns} rows=${rows} rowKey=${(/** @type {any} */ row) => row.at} empty="It has no line." />`;
}

/** @param {any} line */
function Name(line) {
  const name = html`<span dir="auto">${line.name ?? (line.kind || `product ${line.product_id ?? "–"}`)}</span>`;
  return line.product_id == null ? name : html`<a href=${`/products/${line.product_id}`}>${name}</a>`;
}

/** What the lines of each kind add up to, and the whole. @param {{order: any}} props */
export function Totals({ order }) {
  if (order.total == null) return html`<p class="more dim">It was never priced.</p>`;
  const lines = (Array.isArray(order.items) ? order.items : []);
  const kinds = [...new Set(lines.map((/** @type {any} */ { kind }) => kind ?? "product"))];
  const sum = (/** @type {any} */ kind) => rounded(lines.filter((/** @type {any} */ line) => (line.kind ?? "product") === kind).reduce((/** @type {number} */ all, /** @type {any} */ line) => all + (line.total ?? 0), 0));
  const parts = kinds.length > 1 ? kinds.map((kind) => ({ name: kind === "product" ? "products" : kind, value: sum(kind) })) : [];
  return html`<dl class="totals">
    ${parts.map(({ name, value }) => html`<div key=${name}><dt>${name}</dt><dd class="number">${price(value, order.currency)}</dd></div>`)}
    ${order.included_tax != null && html`<div><dt>tax in the prices</dt><dd class="number">${price(order.included_tax, order.currency)}</dd></div>`}
    <div class="all"><dt>Total${order.units != null && html` <span class="dim">of ${amount(order.units)} ${order.units === 1 ? "piece" : "pieces"}</span>`}</dt>
      <dd class="number">${price(order.total, order.currency)}</dd></div>
  </dl>`;
}

/** Amounts have four decimals at most; sums of JavaScript have crumbs behind them. @param {number} value */
const rounded = (value) => Math.round(value * 10_000) / 10_000;
