/** Changes of items, newest first; those made in MongoDB itself are marked. */
import { clock, moment } from "../format.js";
import { html } from "../html.js";
import { Author, isByHand } from "../lists/author.js";
import { Pill } from "./pill.js";
import { Table } from "./table.js";

const EVERY_WRITE = ["updated_at", "revision"];
const KINDS = { created: "good", updated: "write", deleted: "bad", restored: "good" };

/**
 * @param {{rows: any[], empty: any, more?: (change: any) => any, detail?: (change: any) => any}} props
 *   `more` returns what opens the details of a change
 */
export function ChangesTable({ rows, empty, more, detail }) {
  const columns = [
    { name: "When", kind: "time tight", cell: (/** @type {any} */ row) => clock(row.at) },
    { name: "Change", kind: "tight", cell: Kind },
    { name: "Item", kind: "wide", cell: Item },
    { name: "Fields", kind: "last", cell: Fields },
    { name: "By", kind: "tight last", cell: Author },
  ];
  if (more) columns.push({ name: "", kind: "actions", cell: more });
  return html`<${Table} caption="Changes, the newest first" columns=${columns} rows=${rows} rowKey=${(/** @type {any} */ row) => row.row}
    rowClass=${(/** @type {any} */ row) => `${isByHand(row) ? "hand" : ""} ${isNew(row) ? "lit" : ""}`} detail=${detail} empty=${empty} />`;
}

/** @param {any} change */
const isNew = (change) => Date.now() - moment(change.at).getTime() < 3000;

/** The kind of a change. @param {any} change */
const Kind = (change) =>
  html`<${Pill} kind=${/** @type {any} */ (KINDS)[change.type] ?? "plain"}>${change.type}<//>`;

/** The changed fields, without those that every write sets. @param {any} change */
const Fields = (change) => (change.fields ?? []).filter((/** @type {string} */ name) => !EVERY_WRITE.includes(name)).join(", ");

/** @param {any} change */
const Item = (change) =>
  html`<span dir="auto">${change.item?.name ?? change.slug ?? ""}</span>${" "}
    <code class="dim">${change.service}/${change.id}</code>`;
