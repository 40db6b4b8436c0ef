/** What an order did to the stock: the entries of the ledgers of its products that name it. */
import { useState } from "preact/hooks";
import { amount, moment } from "../amounts.js";
import { html } from "../html.js";
import { useItem } from "../lists/items.js";
import { useChanges } from "../lists/use_changes.js";
import { Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { useAsk } from "../use_ask.js";

const STEP = 6; // products whose ledgers are read at once
const PER = 100; // entries of a ledger, the newest first

/** @param {{order: any}} props */
export function StockEffects({ order }) {
  const [count, setCount] = useState(STEP);
  const lines = Array.isArray(order.items) ? order.items : [];
  const ids = [...new Set(lines.map((/** @type {any} */ { product_id: id }) => id).filter((/** @type {any} */ id) => id != null))];
  if (!order.uuid || !ids.length) {
    return html`<${Panel} title="Stock"><p class="dim">It holds no stock: its lines are not products of this shop, or it came by an import.</p><//>`;
  }
  return html`<${Panel} title="Stock" note="what the order did to the ledgers of its products">
    <ul class="plain">${ids.slice(0, count).map((id) => html`<${Ledger} key=${id} id=${id} uuid=${order.uuid} />`)}</ul>
    ${ids.length > count && html`<div><button type="button" onClick=${() => setCount(count + STEP)}>Show more products</button></div>`}
  <//>`;
}

/** The entries of one product. */
function Ledger({ id, uuid }) {
  const product = useItem("products", id);
  const { value, error, reload } = useAsk(`/api/products/products/${id}/stock?per=${PER}`);
  useChanges("products", reload, (change) => change.id === id);
  const entries = (value?.items ?? []).filter((/** @type {any} */ { order }) => order === uuid);
  const name = html`<a href=${`/products/${id}`} dir="auto">${product?.name ?? `product ${id}`}</a>`;
  if (error) return html`<li>${name}: <span class="dim">${error}</span></li>`;
  if (!value) return html`<li>${name}: <span class="dim">reading the ledger</span></li>`;
  const why = value.total > PER ? `not among the last ${PER} entries of its ledger` : value.stock == null ? "its stock is not tracked" : "no entry: nothing was taken";
  return html`<li><p>${name}${" "}<span class="dim">${value.stock == null ? "" : `${amount(value.stock)} in stock now`}</span></p>
    ${entries.length ? html`<ul class="ledger">${entries.map((/** @type {any} */ entry) => html`<li key=${entry.revision}>
        <b class=${`number ${entry.change < 0 ? "bad" : "good"}`}>${entry.change > 0 ? "+" : ""}${amount(entry.change)}</b>
        <${Pill} kind="none">${entry.reason}<//>
        <span class="dim number">${amount(entry.stock)} left</span>
        <span class="time">${moment(entry.at)}</span>
        ${entry.request_id && html`<a class="small" href=${`/trace/${entry.request_id}`}>trace</a>`}</li>`)}</ul>`
      : html`<p class="dim small">${why}</p>`}</li>`;
}
