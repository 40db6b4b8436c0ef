/** The clients as a grid: search, order, pages by cursor, and values that are edited in their place. */
import { moment } from "../amounts.js";
import { html } from "../html.js";
import { InlineEdit } from "../lists/inline_edit.js";
import { MoreRows, totalOf } from "../lists/more_rows.js";
import { useChanges } from "../lists/use_changes.js";
import { usePages } from "../lists/use_pages.js";
import { useWords } from "../lists/use_words.js";
import { Action } from "../parts/action.js";
import { Panel } from "../parts/panel.js";
import { Table } from "../parts/table.js";
import { query } from "../router.js";
import { useValue } from "../value.js";
import { ORDERS, pathOf, showView, viewOf } from "./query.js";
import { FIELDS, restore, saveField } from "./save.js";

const EDITED = ["email", "phone", "city"];

export function Grid() {
  const view = viewOf(useValue(query));
  const list = usePages(pathOf(view));
  const { words, setWords } = useWords(view.q, (q) => showView({ ...viewOf(query.get()), q }));
  useChanges("clients", list.reload);
  const tools = html`<div class="tools">
    <label><span class="hidden">Find clients</span><input type="search" data-filter dir="auto" placeholder="Name, email, city  ( / )" value=${words}
      onInput=${(/** @type {any} */ event) => setWords(event.target.value)} /></label>
    <label><span class="hidden">Order</span><select value=${view.ordering} disabled=${view.deleted} onChange=${(/** @type {any} */ event) => showView({ ...view, ordering: event.target.value })}>
      ${Object.entries(ORDERS).map(([value, text]) => html`<option key=${value} value=${value}>by ${text}</option>`)}</select></label>
    <label class="check"><input type="checkbox" checked=${view.deleted} onChange=${(/** @type {any} */ event) => showView({ ...view, deleted: event.target.checked })} />trash</label>
  </div>`;
  const none = view.deleted ? "The trash is empty." : view.q ? "No client has these words." : "There is no client yet.";
  return html`<${Panel} title=${view.deleted ? "Trash" : "Clients"} note=${list.value ? totalOf(list.value) : ""} fill tools=${tools} reply=${list.reply} error=${list.error}>
    ${!(list.error && !list.items) && html`<${Table} caption="Clients" columns=${view.deleted ? trash(list.reload) : columns(list.reload)} rows=${list.items ?? []}
      rowKey=${(/** @type {any} */ row) => row.id} empty=${list.items ? none : "Reading the clients."} />`}
    <${MoreRows} list=${list} name="clients" one="client" />
  <//>`;
}

const NAME = { name: "Name", kind: "wide", cell: (/** @type {any} */ row) => html`<a href=${`/clients/${row.id}`} dir="auto">${row.name}</a>` };

/** @param {() => void} reload */
const columns = (reload) => [
  NAME,
  ...EDITED.map((field) => ({ name: FIELDS[field].name, kind: "end", label: true, cell: (/** @type {any} */ row) => html`<${InlineEdit}
    name=${`${FIELDS[field].name} of ${row.name}`} value=${row[field] ?? ""} type=${FIELDS[field].type} draft=${`client ${row.id} ${field}`} scope="clients:write"
    onSave=${async (/** @type {string} */ text, /** @type {string} */ seen) => {
      const { error } = await saveField(row, field, text.trim() || null, undefined, seen || null);
      if (!error) reload();
      return error;
    }} />` })),
  { name: "Since", kind: "time", label: true, cell: (/** @type {any} */ row) => moment(row.created_at) },
];

/** @param {() => void} reload */
const trash = (reload) => [
  NAME,
  { name: "Email", kind: "end", cell: (/** @type {any} */ row) => html`<span dir="auto">${row.email ?? "–"}</span>` },
  { name: "Deleted", kind: "time", cell: (/** @type {any} */ row) => moment(row.deleted_at) },
  { name: "", kind: "actions", cell: (/** @type {any} */ row) => html`<${Action} scope="clients:write" label=${`Restore ${row.name}`}
    onClick=${async () => (await restore(row)) && reload()}>Restore<//>` },
];
