/** Changes: of all services as they happen, edits in MongoDB itself marked, with the difference. */
import { useState } from "preact/hooks";
import { counted, number } from "../format.js";
import { html } from "../html.js";
import { ChangesTable } from "../parts/changes_table.js";
import { Difference } from "../parts/difference.js";
import { Heading } from "../parts/heading.js";
import { More } from "../parts/more.js";
import { Panel } from "../parts/panel.js";
import { changes } from "../recent.js";
import { session } from "../session.js";
import { useValue } from "../value.js";

const ROWS = 100;

export function Page() {
  const names = useValue(session)?.services ?? [];
  const live = useValue(changes);
  const [paused, setPaused] = useState(/** @type {any[] | null} */ (null));
  const [words, setWords] = useState("");
  const [service, setService] = useState("");
  const [byHand, setByHand] = useState(false);
  const [open, setOpen] = useState(0);
  const rows = paused ?? live;
  const shown = rows.filter((row) => matches(row, words.toLowerCase(), service, byHand)).slice(0, ROWS);
  const missed = paused ? live.length - paused.length : 0;
  const more = (/** @type {any} */ row) => html`<${More} open=${open === row.row} text="difference" name=${`${row.service} ${row.id}`}
    onClick=${() => setOpen(open === row.row ? 0 : row.row)} />`;
  const tools = html`<div class="tools">
    <label><span class="hidden">Filter</span><input type="search" data-filter placeholder="Name, field, author  ( / )" value=${words}
      onInput=${(/** @type {any} */ event) => setWords(event.target.value)} /></label>
    <label><span class="hidden">Service</span><select value=${service} onChange=${(/** @type {any} */ event) => setService(event.target.value)}>
      <option value="">all services</option>${names.map((name) => html`<option value=${name}>${name}</option>`)}</select></label>
    <label class="check"><input type="checkbox" checked=${byHand} onChange=${(/** @type {any} */ event) => setByHand(event.target.checked)} />by hand only</label>
  </div>`;
  return html`
    <${Heading} title="Changes" text="Every write of the services as it happens, and every edit in MongoDB itself.">
      <button type="button" data-pause aria-pressed=${paused !== null} onClick=${() => setPaused(paused ? null : live)}>
        ${paused ? "Continue" : "Pause"} <kbd>p</kbd></button>
    <//>
    <${Panel} title="Changes" note=${paused ? `paused; ${counted(Math.max(0, missed), "change")} since` : `live; ${number(live.length)} kept`} fill tools=${tools}>
      <${ChangesTable} rows=${shown} more=${more} detail=${(/** @type {any} */ row) => row.row === open && html`<${Difference} change=${row} />`}
        empty=${rows.length ? "No change matches the filter." : "Nothing has changed since this tab was opened. Write through the API, or edit a document in MongoDB: it shows here."} />
    <//>`;
}

/** @param {any} row @param {string} words @param {string} service @param {boolean} byHand */
function matches(row, words, service, byHand) {
  if ((service && row.service !== service) || (byHand && !row.outside)) return false;
  const text = [row.service, row.id, row.slug, row.item?.name, row.by, row.type, ...(row.fields ?? [])].join(" ");
  return !words || text.toLowerCase().includes(words);
}
