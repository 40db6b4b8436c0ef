/** What came back from the client of an order: imported orders with negative quantities. */
import { amount, moment, price } from "../amounts.js";
import { html } from "../html.js";
import { MoreRows } from "../lists/more_rows.js";
import { useChanges } from "../lists/use_changes.js";
import { usePages } from "../lists/use_pages.js";
import { Panel } from "../parts/panel.js";
import { Table } from "../parts/table.js";

/** @param {{order: any}} props */
export function Returns({ order }) {
  const query = new URLSearchParams({ status: "returned", client_id: order.client_id, ordering: "-placed_at", per: "10" });
  const list = usePages(`/api/orders/orders?${query}`);
  useChanges("orders", list.reload);
  const sold = new Set((order.items ?? []).map(keyOf));
  const columns = [
    { name: "Return", kind: "tight", cell: (/** @type {any} */ row) => html`<a href=${`/orders/${row.id}`}>#${row.id}</a>` },
    { name: "Reference", kind: "tight", cell: (/** @type {any} */ row) => html`<span class="dim" dir="auto">${row.external_ref ?? "–"}</span>` },
    { name: "What", kind: "wide", cell: (/** @type {any} */ row) => (row.items ?? []).map((/** @type {any} */ line, /** @type {number} */ at) =>
      html`${at ? ", " : ""}${amount(line.quantity)} × <span dir="auto" class=${sold.has(keyOf(line)) ? "" : "dim"}>${line.name ?? line.sku ?? line.kind}</span>`) },
    { name: "When", kind: "time", cell: (/** @type {any} */ row) => moment(row.placed_at) },
    { name: "Total", kind: "number", cell: (/** @type {any} */ row) => price(row.total, row.currency) },
  ];
  return html`<${Panel} title="Returns of this client" fill reply=${list.reply} error=${list.error}>
    ${!list.error && html`<${Table} caption="Returns of this client" columns=${columns} rows=${list.items ?? []} rowKey=${(/** @type {any} */ row) => row.id}
      empty=${list.items ? "Nothing came back. Returns are imported orders; a sale that was not shipped is cancelled." : "Reading the returns."} />`}
    <${MoreRows} list=${list} name="returns" one="return" />
  <//>`;
}

/** What makes two lines the same thing. @param {any} line */
const keyOf = (line) => String(line.product_id ?? line.sku ?? line.name);
