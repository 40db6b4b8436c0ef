/** Requests as they come: verdict, reason, time and caller; a row opens its details. */
import { useState } from "preact/hooks";
import { clock, decoded, duration, number } from "../format.js";
import { html } from "../html.js";
import { More } from "../parts/more.js";
import { Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { Table } from "../parts/table.js";
import { dropped, moreHits } from "../recent.js";
import { services } from "../services.js";
import { useValue } from "../value.js";
import { Because } from "./because.js";

const ROWS = 60;
const SHOWN = [
  ["all", "all requests"],
  ["reads", "reads"],
  ["others", "reads that were no hit"],
  ["writes", "writes"],
];

/** @param {{rows: any[], isPaused: boolean}} props */
export function LiveRequests({ rows, isPaused }) {
  const [words, setWords] = useState("");
  const [kind, setKind] = useState("all");
  const [open, setOpen] = useState(/** @type {number | null} */ (null));
  const lost = useValue(dropped);
  const hits = useValue(moreHits);
  const shown = rows.filter((row) => matches(row, words.toLowerCase(), kind)).slice(0, ROWS);
  const toggle = (/** @type {any} */ row) => setOpen(open === row.row ? null : row.row);
  const columns = [
    { name: "When", kind: "time tight", cell: (/** @type {any} */ row) => clock(row.at, true) },
    { name: "Request", kind: "wide", cell: (/** @type {any} */ row) => html`<code dir="auto">${row.method} ${target(row)}</code>` },
    { name: "Answer", kind: "tight", cell: Answer },
    { name: "Because", kind: "wide", cell: (/** @type {any} */ row) => html`<${Because} because=${row.because} />` },
    { name: "Time", kind: "number tight", cell: (/** @type {any} */ row) => duration(row.ms) },
    { name: "By", kind: "tight last", cell: (/** @type {any} */ row) => html`<span class="dim" dir="auto">${row.by}</span>` },
    { name: "", kind: "actions tight", cell: (/** @type {any} */ row) => html`<${More} open=${open === row.row} name=${`${row.method} ${row.path}`} onClick=${() => toggle(row)} />` },
  ];
  const tools = html`<div class="tools">
    <label><span class="hidden">Filter</span><input type="search" data-filter placeholder="Path, key, caller  ( / )" value=${words}
      onInput=${(/** @type {any} */ event) => setWords(event.target.value)} /></label>
    <label><span class="hidden">Which requests</span><select value=${kind} onChange=${(/** @type {any} */ event) => setKind(event.target.value)}>
      ${SHOWN.map(([value, text]) => html`<option value=${value}>${text}</option>`)}</select></label>
  </div>`;
  const note = [
    isPaused ? "paused" : "live",
    hits && `${number(hits)} more hits, only counted`,
    lost && `${number(lost)} left out, because too many came at once`,
  ].filter(Boolean).join("; ");
  return html`<${Panel} title="Requests" note=${note} fill tools=${tools}>
    <${Table} caption="Requests, the newest first" columns=${columns} rows=${shown} rowKey=${(/** @type {any} */ row) => row.row}
      rowClass=${(/** @type {any} */ row) => (isRead(row) ? "" : "write")} detail=${(/** @type {any} */ row) => row.row === open && html`<${Details} row=${row} />`}
      empty=${rows.length ? "No request matches the filter." : html`<${NoRequest} />`} />
  <//>`;
}

/** What to do for a first request. */
function NoRequest() {
  const products = useValue(services).find(({ name }) => name === "products");
  return html`No request has come since this tab was opened.${products && html` Try <code>curl ${products.url}/products</code>, twice.`}`;
}

/** @param {any} row */
const isRead = (row) => row.method === "GET" || row.method === "HEAD";

/** @param {any} row */
const target = (row) => row.path + (row.query ? `?${decoded(row.query.replaceAll("+", " "))}` : "");

/** @param {any} row @param {string} words @param {string} kind */
function matches(row, words, kind) {
  if (kind === "reads" && !isRead(row)) return false;
  if (kind === "writes" && isRead(row)) return false;
  if (kind === "others" && !["miss", "stale", "bypass"].includes(row.cache)) return false;
  return !words || `${row.method} ${target(row)} ${row.key} ${row.by} ${row.service}`.toLowerCase().includes(words);
}

/** @param {any} row */
function Answer(row) {
  if (row.status >= 400) return html`<${Pill} kind="bad">${row.status}<//>`;
  if (row.cache) return html`<${Pill} kind=${row.cache} title=${row.verdict}>${row.cache}<//>`;
  return html`<${Pill} kind=${isRead(row) ? "none" : "write"}>${row.status}${isRead(row) ? ", not cached" : ""}<//>`;
}

function Details({ row }) {
  const facts = [
    ["Service", row.service],
    ["Cache-Status", row.verdict && html`<code>${row.verdict}</code>`],
    ["Key", row.key && html`<code dir="auto">${row.key}</code>`],
    ["Search", row.search && html`<code dir="auto">${row.search}</code>`],
    ["Depends on", row.tag && html`<code dir="auto">${row.tag}</code>`],
    ["Stale part", row.part],
    ["Because", row.because && html`<${Because} because=${row.because} />`],
    ["Request id", html`<a href=${`/trace/${row.id}`}><code>${row.id}</code></a>`],
  ];
  return html`<dl class="facts">${facts.filter(([, value]) => value).map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}
