/** The variants of a product: all products of its group, and the way to a further one. */
import { useEffect } from "preact/hooks";
import { amount, price } from "../amounts.js";
import { counted } from "../format.js";
import { html } from "../html.js";
import { Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { Table } from "../parts/table.js";
import { missing, session } from "../session.js";
import { useAsk } from "../use_ask.js";
import { useValue } from "../value.js";
import { nameOf } from "./save.js";

const PER = 100;
const FIELDS = "id,name,sku,options,price,currency,stock,status";

/** @param {{product: any, round: number}} props  `round` counts the changes of the product */
export function Variants({ product, round }) {
  useValue(session);
  const { id, group } = product;
  const { value, reply, error, reload } = useAsk(group ? `/api/products/products/${id}/variants?fields=${FIELDS}&per=${PER}` : "");
  useEffect(() => void (round > 1 && reload()), [round]);
  const rows = value?.items ?? [];
  const columns = [
    { name: "Options", kind: "wide", cell: (/** @type {any} */ row) => (row.id === id ? html`<b aria-current="true" dir="auto">${optionsOf(row)}</b> <span class="dim">this one</span>` : html`<a href=${`/products/${row.id}`} dir="auto">${optionsOf(row)}</a>`) },
    { name: "SKU", kind: "tight", cell: (/** @type {any} */ row) => html`<code dir="auto">${row.sku ?? ""}</code>` },
    { name: "Price", kind: "number", label: true, cell: (/** @type {any} */ row) => price(row.price, row.currency) },
    { name: "Stock", kind: "number", label: true, cell: (/** @type {any} */ row) => amount(row.stock) },
    { name: "", kind: "tight", cell: (/** @type {any} */ row) => row.status !== "active" && html`<${Pill} kind="warn">${row.status}<//>` },
  ];
  const tools = !missing("products:write") && html`<a class="button" href=${`/products/new?variant_of=${id}`}>Add a variant …</a>`;
  const more = value?.next_cursor || value?.links?.next;
  return html`<${Panel} title="Variants" note=${group ? html`<span dir="auto">${group}</span>${value ? `, ${counted(value.total ?? rows.length, "product")}` : ""}` : ""} fill tools=${tools} reply=${reply} error=${error}>
    ${group ? value && html`<${Table} caption="Variants" columns=${columns} rows=${rows} rowKey=${(/** @type {any} */ row) => row.id} empty="No variants." />`
      : html`<p class="empty">It belongs to no group. A variant begins one, with this product in it.</p>`}
    ${more && html`<div class="more"><a href=${`/products?group=${encodeURIComponent(group)}`}>All of this group</a></div>`}
  <//>`;
}

/** @param {any} row */
const optionsOf = (row) => Object.values(row.options ?? {}).join(" / ") || nameOf(row);
