/** What was sold: by day as a chart and a table, by product or by client as a table. */
import { useMemo, useState } from "preact/hooks";
import { amount, price } from "../amounts.js";
import { number } from "../format.js";
import { html } from "../html.js";
import { useItem } from "../lists/items.js";
import { useChanges } from "../lists/use_changes.js";
import { usePages } from "../lists/use_pages.js";
import { Panel } from "../parts/panel.js";
import { Table } from "../parts/table.js";
import { DayChart } from "./day_chart.js";
import { dayName, daysSince } from "./days.js";

const SPANS = { 7: "7 days", 30: "30 days", 90: "90 days" };
const BY = { day: "by day", product: "by product", client: "by client" };
const ROWS = 20; // of the best products or clients
const PAGES = 10; // of 100 sums: each day has one for each currency

export function Sold() {
  const [days, setDays] = useState(30);
  const [by, setBy] = useState(/** @type {"day" | "product" | "client"} */ ("day"));
  const [picked, setPicked] = useState("");
  const span = daysSince(days);
  const query = new URLSearchParams({ by, from: span[0], per: by === "day" ? "100" : String(ROWS) });
  const { value, items, next, error, reply, reload } = usePages(`/api/orders/orders/stats?${query}`, by === "day" ? PAGES : 1);
  useChanges("orders", reload);
  const currencies = (value?.sums ?? []).map((/** @type {any} */ sum) => sum.currency ?? "");
  const currency = currencies.includes(picked) ? picked : (currencies[0] ?? "");
  const isShown = (/** @type {any} */ row) => (row.currency ?? "") === currency;
  const sum = value?.sums.find(isShown);
  const rows = useMemo(() => (items ?? []).filter(isShown), [items, currency]);
  const until = by === "day" && next ? items?.at(-1)?.day : ""; // It and the days after it are not read.
  const choose = (/** @type {string} */ name, /** @type {any} */ now, /** @type {[string, string][]} */ options, /** @type {(value: string) => void} */ set) =>
    html`<label><span class="hidden">${name}</span><select value=${now} onChange=${(/** @type {any} */ event) => set(event.target.value)}>
      ${options.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}</select></label>`;
  const tools = html`<div class="tools">
    ${choose("Sums", by, Object.entries(BY), (value) => setBy(/** @type {any} */ (value)))}
    ${choose("Days", days, Object.entries(SPANS), (value) => setDays(Number(value)))}
    ${currencies.length > 1 && choose("Currency", currency, currencies.map((/** @type {string} */ name) => [name, name || "no currency"]), setPicked)}</div>`;
  const note = sum ? `${price(sum.total, sum.currency)} in ${sum.orders == null ? `${number(sum.lines)} lines` : `${number(sum.orders)} orders`}` : "";
  return html`<${Panel} title="Sold" note=${note} fill tools=${tools} reply=${reply} error=${error}>
    ${value && (by === "day" ? html`<${Days} rows=${rows} span=${until ? span.filter((day) => day < until) : span} until=${until} currency=${currency} />` : html`<${Best} by=${by} rows=${rows} currency=${currency} />`)}
    ${!value && !error && html`<p class="empty">Adding up.</p>`}
  <//>`;
}

/** Each day of the span, those without a sale, too. `until` is the first day that is unknown, if there is one. */
function Days({ rows, span, until, currency }) {
  const all = useMemo(() => {
    const known = new Map(rows.map((/** @type {any} */ row) => [row.day, row]));
    return span.map((/** @type {string} */ day) => known.get(day) ?? { day, orders: 0, units: 0, total: 0 });
  }, [rows, span.join()]);
  const columns = [
    { name: "Day", kind: "grow", cell: (/** @type {any} */ row) => dayName(row.day) },
    { name: "Orders", kind: "number", label: true, cell: (/** @type {any} */ row) => number(row.orders) },
    { name: "Pieces", kind: "number", label: true, cell: (/** @type {any} */ row) => amount(row.units) },
    { name: "Total", kind: "number", label: true, cell: (/** @type {any} */ row) => price(row.total, currency) },
  ];
  return html`${until && html`<p class="inset warn">There are too many sums to show ${dayName(until)} and the days after it. Choose fewer days.</p>`}
    <${DayChart} days=${all} currency=${currency} />
    <details class="numbers"><summary>The same as a table</summary>
      <${Table} caption="Sold by day" columns=${columns} rows=${[...all].reverse()} rowKey=${(/** @type {any} */ row) => row.day} empty="Nothing was sold." />
    </details>`;
}

/** The products or clients with the largest totals. */
function Best({ by, rows, currency }) {
  const columns = [
    { name: by === "product" ? "Product" : "Client", kind: "wide", cell: (/** @type {any} */ row) => (by === "product" ? html`<${ProductOf} row=${row} />` : html`<${ClientOf} id=${row.client} />`) },
    { name: by === "product" ? "Lines" : "Orders", kind: "number", label: true, cell: (/** @type {any} */ row) => number(row.lines ?? row.orders) },
    { name: "Pieces", kind: "number", label: true, cell: (/** @type {any} */ row) => amount(row.units) },
    { name: "Total", kind: "number", label: true, cell: (/** @type {any} */ row) => price(row.total, currency) },
  ];
  return html`<${Table} caption=${`Sold by ${by}`} columns=${columns} rows=${rows} rowKey=${(/** @type {any} */ row) => `${row[by]} ${row.sku} ${row.kind}`} empty="Nothing was sold in these days." />`;
}

/** @param {{row: any}} props */
function ProductOf({ row }) {
  const name = html`<span dir="auto">${row.name ?? row.sku ?? row.kind ?? "–"}</span>`;
  return row.product == null ? html`${name}${row.kind && html`${" "}<span class="dim">not a product</span>`}` : html`<a href=${`/products/${row.product}`}>${name}</a>`;
}

/** @param {{id: any}} props */
function ClientOf({ id }) {
  const client = useItem("clients", id);
  return id == null ? html`<span class="dim">without a client</span>` : html`<a href=${`/clients/${id}`} dir="auto">${client?.name ?? `client ${id}`}</a>`;
}
