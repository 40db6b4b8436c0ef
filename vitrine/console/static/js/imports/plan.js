/** What was found out about one file: its kind, what each column becomes, and the first rows. */
import { useState } from "preact/hooks";
import { LANGUAGE } from "../amounts.js";
import { counted, number, shown } from "../format.js";
import { html } from "../html.js";
import { Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { Table } from "../parts/table.js";

const TONES = { field: "good", attribute: "write", other: "write", "left out": "warn", empty: "none" };
const KINDS = ["field", "other", "attribute", "left out", "empty"];
const MOST = 12; // columns that are shown at first
const FACTS = ["external_ref", "sku", "gtin", "brand", "category", "group", "status", "email", "client", "placed_at"];

/** @param {{file: any}} props */
export function FilePlan({ file }) {
  const [all, setAll] = useState(false);
  const columns = [...file.columns].sort((one, other) => KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind));
  const shownColumns = all ? columns : columns.slice(0, MOST);
  const counts = Object.entries(file.counts).map(([name, count]) => counted(/** @type {number} */ (count), name.replace(/s$/, "")));
  const known = file.total ? ` ${number(file.known)} of ${counted(file.total, "column")} are known.` : "";
  return html`<${Panel} title=${file.file} note=${counts.join(" · ")} fill>
    <div class="inset">
      <p><b dir="auto">${file.kind || "A plain table"}</b>${" "}<span class="dim">of ${file.resource}. ${file.kind && file.why ? `Recognised: ${file.why}.` : file.kind ? "" : "Its columns say what they are."}${known} ${file.label}.</span></p>
      ${file.notes.length > 0 && html`<ul class="plain small">${file.notes.map((/** @type {string} */ text) => html`<li class="warn" dir="auto" key=${text}>${text}</li>`)}</ul>`}
    </div>
    <${Mapping} columns=${shownColumns} name=${file.file} />
    ${columns.length > MOST && html`<div class="more"><button type="button" aria-expanded=${all} onClick=${() => setAll(!all)}>
      ${all ? "Show fewer columns" : `Show all ${number(columns.length)} columns`}</button></div>`}
    <${First} file=${file} />
  <//>`;
}

/** What each column becomes, with what the first five rows have in it. */
function Mapping({ columns, name }) {
  const cells = [
    { name: "Column", kind: "wide", cell: (/** @type {any} */ row) => html`<b dir="auto">${row.column}</b>` },
    { name: "Becomes", kind: "last", cell: Becomes },
    { name: "Filled", kind: "number tight", label: true, cell: (/** @type {any} */ row) => number(row.filled) },
    { name: "First rows", kind: "wide", cell: (/** @type {any} */ row) => html`<span class="dim examples" dir="auto">${examples(row.examples)}</span>` },
  ];
  return html`<${Table} caption=${`What the columns of ${name} become`} columns=${cells} rows=${columns}
    rowKey=${(/** @type {any} */ row) => row.column} empty="The file has no columns." />`;
}

/** @param {any} row */
const Becomes = (row) =>
  html`<${Pill} kind=${/** @type {any} */ (TONES)[row.kind]}>${row.kind === "field" || row.kind === "other" ? row.becomes : row.kind}<//>
    ${row.kind === "attribute" && row.becomes !== row.column && html`${" "}<span dir="auto">${row.becomes}</span>`}
    ${row.why && html`${" "}<span class="dim small">${row.why}</span>`}`;

/** The different values of the first rows. @param {string[]} values */
const examples = (values) => [...new Set(values.filter(Boolean))].join(" · ");

/** The first items as they will be. */
function First({ file }) {
  if (!file.first.length) return null;
  return html`<div class="inset first">
    <h3>${file.resource === "products" ? "The first products will be" : `The first ${file.resource} of the file`}</h3>
    <ol class="plain">${file.first.map((/** @type {any} */ item, /** @type {number} */ at) => html`<li key=${at}>
      <b dir="auto">${shown(item.name ?? item.external_ref)}</b>${" "}<span class="number">${price(item)}</span>
      <span class="dim small" dir="auto">${facts(item)}</span></li>`)}</ol>
  </div>`;
}

/** @param {any} item */
function price({ price: amount, currency }) {
  if (amount === undefined || amount === null) return "";
  const value = Number(amount);
  if (!Number.isFinite(value)) return `${amount} ${currency ?? ""}`;
  try {
    return new Intl.NumberFormat(LANGUAGE, { style: currency ? "currency" : "decimal", currency, minimumFractionDigits: 2 }).format(value);
  } catch {
    return `${amount} ${currency ?? ""}`; // a currency that the browser does not know
  }
}

/** @param {any} item */
function facts(item) {
  const parts = FACTS.filter((name) => item[name]).map((name) => `${name} ${shown(item[name]).replaceAll("\n", ", ")}`);
  if (item.stock !== undefined && item.stock !== null) parts.unshift(`stock ${number(Number(item.stock))}`);
  const options = Object.entries(item.options ?? {}).map(([name, value]) => `${name} ${value}`);
  const attributes = Object.entries(item.attributes ?? {}).slice(0, 4).map(([name, value]) => `${name}: ${shown(value)}`);
  if (item.photos) parts.push(counted(item.photos, "photo"));
  return [...options, ...parts, ...attributes].join(" · ");
}
