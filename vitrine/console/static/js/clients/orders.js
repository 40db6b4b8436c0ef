/** The orders of a client. */
import { moment, price } from "../amounts.js";
import { html } from "../html.js";
import { MoreRows, totalOf } from "../lists/more_rows.js";
import { useChanges } from "../lists/use_changes.js";
import { usePages } from "../lists/use_pages.js";
import { What } from "../orders/card.js";
import { TONES } from "../orders/states.js";
import { Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { Table } from "../parts/table.js";

/** The orders of the client, the newest first. @param {{id: number | string}} props */
export function Orders({ id }) {
  const list = usePages(`/api/orders/orders?${new URLSearchParams({ client_id: String(id), ordering: "-placed_at", per: "10" })}`);
  useChanges("orders", list.reload);
  const columns = [
    { name: "Order", kind: "tight", cell: (/** @type {any} */ row) => html`<a href=${`/orders/${row.id}`}>#${row.id}</a>` },
    { name: "State", kind: "tight", cell: (/** @type {any} */ row) => html`<${Pill} kind=${/** @type {any} */ (TONES)[row.status] ?? "none"}>${row.status}<//>` },
    { name: "What", kind: "wide", cell: (/** @type {any} */ row) => html`<${What} order=${row} most=${3} />` },
    { name: "Placed", kind: "time", cell: (/** @type {any} */ row) => moment(row.placed_at) },
    { name: "Total", kind: "number", cell: (/** @type {any} */ row) => price(row.total, row.currency) },
  ];
  return html`<${Panel} title="Orders" note=${list.value ? totalOf(list.value) : ""} fill reply=${list.reply} error=${list.error}>
    ${!list.error && html`<${Table} caption="Orders of this client" columns=${columns} rows=${list.items ?? []} rowKey=${(/** @type {any} */ row) => row.id}
      empty=${list.items ? "No order." : "Reading the orders."} />`}
    <${MoreRows} list=${list} name="orders" one="order" />
  <//>`;
}
