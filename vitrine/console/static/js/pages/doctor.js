/** Doctor: checks of all documents and files, what can be mended, and the proof that nothing is stale. */
import { useState } from "preact/hooks";
import { ask } from "../api.js";
import { Proof } from "../cache/proof.js";
import { counted, number } from "../format.js";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { Confirm } from "../parts/confirm.js";
import { Heading } from "../parts/heading.js";
import { Notice } from "../parts/notice.js";
import { Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { Table } from "../parts/table.js";
import { say } from "../said.js";

export function Page() {
  const [reply, setReply] = useState(/** @type {import("../api.js").Reply | null} */ (null));
  const [isChecking, setChecking] = useState(false);
  const check = async () => {
    setChecking(true);
    setReply(await ask("/doctor"));
    setChecking(false);
  };
  const value = reply?.ok ? reply.value : null;
  return html`
    <${Heading} title="Doctor" text="Are all documents and files as they should be, and is an answer ever stale?" />
    <${Proof} />
    <${Panel} title="Documents and files" note=${value && `${counted(value.total, "finding")}, ${number(value.mends)} can be mended`} fill reply=${reply} error=${reply?.error}
      tools=${html`<${Action} scope="admin" kind="main" disabled=${isChecking} onClick=${check}>${isChecking ? "Checking …" : value ? "Check again" : "Check"}<//>`}>
      ${value ? html`<${Findings} value=${value} onMended=${check} />`
        : html`<p class="empty">${isChecking ? "Reading every document and every file. A large catalog takes a while." : "A check reads whole collections, so it starts when you want it to. It changes nothing."}</p>`}
    <//>`;
}

/** The findings of all services. */
function Findings({ value, onMended }) {
  const rows = value.services.flatMap((/** @type {any} */ { name, findings }) => findings.map((/** @type {any} */ finding) => ({ ...finding, service: name })))
    .filter((/** @type {any} */ { total }) => total);
  const problems = value.services.flatMap((/** @type {any} */ { name, problems: said }) => said.map((/** @type {string} */ text) => ({ name, text })));
  const columns = [
    { name: "Service", kind: "tight", cell: (/** @type {any} */ row) => row.service },
    { name: "Finding", kind: "wide", cell: (/** @type {any} */ row) => html`<b class="number">${number(row.total)}</b> ${row.text}
      <ul class="small dim">${row.cases.map((/** @type {string} */ each) => html`<li dir="auto">${each}</li>`)}
      ${row.total > row.cases.length && html`<li>and ${number(row.total - row.cases.length)} more</li>`}</ul>` },
    { name: "Remedy", kind: "wide", cell: Remedy },
    { name: "", kind: "actions tight", cell: (/** @type {any} */ row) => row.mends > 0 && html`<${Mend} row=${row} onMended=${onMended} />` },
  ];
  return html`
    ${problems.map((/** @type {any} */ { name, text }) => html`<div class="body" key=${name + text}><${Notice} kind="bad" label=${`${name}:`}>${text}<//></div>`)}
    <${Table} caption="Findings" columns=${columns} rows=${rows} rowKey=${(/** @type {any} */ row) => row.service + row.check + row.kind}
      empty=${problems.length ? "The other services have no findings." : html`<${Pill} kind="good">well<//> Every document and every file is as it should be.`} />`;
}

/** @param {any} row */
function Remedy(row) {
  if (row.mends === row.total) return html`<span class="dim">the right value is certain: it can be mended</span>`;
  if (row.mends) return html`<span class="dim">${number(row.mends)} can be mended; the others need your decision</span>`;
  return html`<span class="dim">needs your decision: edit or delete them</span>`;
}

/** Say what will be done, then do it. */
function Mend({ row, onMended }) {
  const [isAsked, setAsked] = useState(false);
  const mend = async () => {
    setAsked(false);
    const reply = await ask("/doctor/fix", { method: "POST", body: { service: row.service, check: row.check } });
    say(reply.ok ? `${number(reply.value.mended)} mended.` : reply.error);
    onMended();
  };
  return html`<${Action} scope="admin" label=${`Mend ${row.text}`} onClick=${() => setAsked(true)}>Mend …<//>
    ${isAsked && html`<${Confirm} title="Mend documents" yes="Mend" onYes=${mend} onNo=${() => setAsked(false)}>
      <p>This runs <code>POST ${row.check}</code> of ${row.service}, as <code>vitrine doctor --fix</code> does: every document that lacks a field, or has
      a value whose right form is certain, gets it by a write like any other. Each is in the history, and its cached answers are invalidated. ${number(row.mends)} of
      these ${number(row.total)} are mended.</p>
    <//>`}`;
}
