/** The stock of a product: what was added and taken away, why, and a change with its reason. */
import { useEffect } from "preact/hooks";
import { amount, moment } from "../amounts.js";
import { html } from "../html.js";
import { MoreRows } from "../lists/more_rows.js";
import { usePages } from "../lists/use_pages.js";
import { Panel } from "../parts/panel.js";
import { Table } from "../parts/table.js";
import { missing, session } from "../session.js";
import { useValue } from "../value.js";
import { StockChange } from "./stock_change.js";

const PER = 20;

/** @param {{product: any, round: number}} props  `round` counts the changes of the product */
export function Ledger({ product, round }) {
  useValue(session);
  const list = usePages(`/api/products/products/${product.id}/stock?per=${PER}`);
  const { items, reply, error, reload } = list;
  useEffect(() => void (round > 1 && reload()), [round]);
  const rows = items ?? [];
  const columns = [
    { name: "When", kind: "time tight", cell: (/** @type {any} */ row) => moment(row.at) },
    { name: "Change", kind: "number", cell: (/** @type {any} */ row) => html`<b class=${row.change < 0 ? "bad" : "good"}>${row.change > 0 ? "+" : ""}${amount(row.change)}</b>` },
    { name: "Stock", kind: "number", label: true, cell: (/** @type {any} */ row) => amount(row.stock) },
    { name: "Reason", kind: "wide", cell: (/** @type {any} */ row) => html`<span dir="auto">${row.reason}</span>${row.order && html` <a href=${`/orders/${row.order}`}>order <code>${String(row.order).slice(0, 8)}</code></a>`}` },
    { name: "Request", kind: "tight", cell: (/** @type {any} */ row) => row.request_id && html`<a href=${`/trace/${row.request_id}`}>trace</a>` },
  ];
  const note = product.stock == null ? "not counted" : html`<b class="number">${amount(product.stock)}</b> in stock`;
  return html`<${Panel} title="Stock" note=${note} fill reply=${reply} error=${error}>
    <div class="body"><${StockChange} product=${product} reason=${missing("products:write")} /></div>
    ${items && html`<${Table} caption="Changes of the stock, the latest first" columns=${columns} rows=${rows} rowKey=${(/** @type {any} */ row) => `${row.revision} ${row.at}`} empty="The stock has not changed yet." />`}
    <${MoreRows} list=${list} name="changes of the stock" one="change" />
  <//>`;
}
