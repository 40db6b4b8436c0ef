/** The settings with their values and defaults; a filter finds one by its name or its words. */
import { useState } from "preact/hooks";
import { counted } from "../format.js";
import { html } from "../html.js";
import { Panel } from "../parts/panel.js";
import { sentence } from "../parts/sentence.js";
import { Table } from "../parts/table.js";

/** @param {{found: ReturnType<typeof import("./use_settings.js").useSettings>, reason: string}} props */
export function Values({ found, reason }) {
  const [words, setWords] = useState("");
  const [changed, setChanged] = useState(false);
  const all = found.settings ?? [];
  const rows = all.filter((setting) => (!changed || isChanged(setting)) && `${setting.name} ${setting.text}`.toLowerCase().includes(words.trim().toLowerCase()));
  const columns = [
    { name: "Setting", kind: "wide", cell: (/** @type {any} */ row) => html`<code>${row.name}</code><br /><span class="dim small">${sentence(row.text)}</span>` },
    { name: "Value", cell: (/** @type {any} */ row) => (row.differing ? html`<dl class="facts">${Object.entries(row.differing).map(([name, value]) => html`<dt key=${name}>${name}</dt><dd>${written(value)}</dd>`)}</dl>`
      : html`<b dir="auto" class=${isChanged(row) ? "warn" : ""}>${written(row.value)}</b>`) },
    { name: "Default", label: true, cell: (/** @type {any} */ row) => html`<span class="dim" dir="auto">${written(row.default)}</span>` },
  ];
  const tools = html`<div class="tools">
    <label><span class="hidden">Filter</span><input type="search" data-filter placeholder="Name or words  ( / )" value=${words} onInput=${(/** @type {any} */ event) => setWords(event.target.value)} /></label>
    <label class="check"><input type="checkbox" checked=${changed} onChange=${(/** @type {any} */ event) => setChanged(event.target.checked)} />only changed ones</label></div>`;
  return html`<${Panel} title="Limits and settings" note=${found.settings ? counted(rows.length, "setting") : ""} fill tools=${tools} reply=${found.reply} error=${found.error}>
    <p class="intro dim">Set by environment variables or <code>.env</code>, and read when a service starts. Secrets are not shown.</p>
    ${reason ? html`<p class="empty">${reason}</p>` : html`<${Table} caption="Settings" columns=${columns} rows=${rows} rowKey=${(/** @type {any} */ row) => row.name}
      empty=${found.settings ? "No setting matches." : "Reading the settings."} />`}
  <//>`;
}

/** @param {any} setting */
const isChanged = (setting) => setting.differing !== null || setting.value !== setting.default;

/** @param {any} value */
const written = (value) => (value === "" || value == null ? "–" : typeof value === "boolean" ? (value ? "yes" : "no") : String(value));
