/** The results of a dry run or an import: counts, and the errors by reason with their rows. */
import { counted, duration, number } from "../format.js";
import { html } from "../html.js";
import { Figures } from "../parts/figures.js";
import { sentence } from "../parts/sentence.js";
import { Table } from "../parts/table.js";

const WORDS = { created: "New", updated: "Changed", unchanged: "Unchanged", failed: "Refused" };

/** @param {{result: {reports: any[], seconds: number}, dry: boolean, busy: boolean}} props */
export function Report({ result, dry, busy }) {
  return html`${result.reports.map((report) => html`<div class="report" key=${report.resource}>
    <${Figures} items=${Object.entries(WORDS).map(([name, word]) => ({
      name: word,
      remark: dry ? `${report.resource}, if imported` : report.resource,
      value: html`<span class=${name === "failed" && report.counts[name] ? "bad" : ""}>${number(report.counts[name])}</span>`,
    }))} />
    ${report.notes.map((/** @type {string} */ text) => html`<p class="dim small" dir="auto" key=${text}>${sentence(text)}</p>`)}
    ${(report.errors.length > 0 || report.counts.failed > 0) && html`<${Errors} report=${report} />`}
  </div>`)}
  ${!busy && html`<p class="dim small">In ${duration(result.seconds * 1000)}.</p>`}`;
}

function Errors({ report }) {
  const hasFiles = report.errors.some((/** @type {any} */ each) => each.file);
  const columns = [
    { name: "Place", kind: "tight", cell: (/** @type {any} */ row) => place(row) },
    ...(hasFiles ? [{ name: "File", cell: (/** @type {any} */ row) => html`<span dir="auto">${row.file}</span>` }] : []),
    { name: "Column", cell: (/** @type {any} */ row) => html`<b dir="auto">${row.column || "–"}</b>` },
    { name: "Why", kind: "wide", cell: (/** @type {any} */ row) => html`<span dir="auto">${row.reason}</span>` },
    { name: "Rows", kind: "number tight", label: true, cell: (/** @type {any} */ row) => number(row.count) },
  ];
  return html`<${Table} caption=${`Refused rows of ${report.resource}`} columns=${columns} rows=${report.errors}
      rowKey=${(/** @type {any} */ row) => `${row.file} ${row.column} ${row.reason}`} empty="The reasons are not known." />
    ${report.others > 0 && html`<p class="dim small">${counted(report.others, "further error")}; <code>vitrine import shop --errors FILE</code> writes all of them.</p>`}`;
}

/** @param {{rows: number[], count: number}} error */
function place({ rows, count }) {
  if (!rows.length) return "–";
  const named = rows.slice(0, 4);
  const more = count - named.length;
  return `${count === 1 ? "row" : "rows"} ${named.map(String).join(", ")}${more > 0 ? ` and ${number(more)} more` : ""}`;
}
