/** The keys of the cache by prefix: valid or not and why, ttl, bytes; purge with a count first. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ask } from "../api.js";
import { bytes, clock, counted, number } from "../format.js";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { Confirm } from "../parts/confirm.js";
import { More } from "../parts/more.js";
import { Notice } from "../parts/notice.js";
import { Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { Table } from "../parts/table.js";
import { say } from "../said.js";
import { missing, session } from "../session.js";
import { useAsk } from "../use_ask.js";
import { useValue } from "../value.js";

const COUNT = 50; // keys of a page
const EVERY = 10; // seconds until the keys are read again

export function CacheKeys() {
  const names = useValue(session)?.services ?? [];
  const [picked, setPicked] = useState("");
  const service = picked || (names[0] ?? "");
  const [prefix, setPrefix] = useState("");
  const [purges, setPurges] = useState(0);
  const isAllowed = !missing("admin");
  const counts = useAsk(isAllowed && service ? `/api/${service}/__cache` : "", { every: EVERY });
  const prefixes = Object.entries(counts.value?.entries ?? {});
  const chosen = prefix || prefixes[0]?.[0] || "";
  const choose = (/** @type {string} */ name) => {
    setPrefix("");
    setPicked(name);
  };
  const purged = () => {
    setPurges(purges + 1);
    counts.reload();
  };
  const tools = html`<div class="tools">
    <label><span class="hidden">Service</span><select value=${service} onChange=${(/** @type {any} */ event) => choose(event.target.value)}>
      ${names.map((name) => html`<option value=${name}>${name}</option>`)}</select></label>
    <label><span class="hidden">Prefix of the keys</span><input list="prefixes" value=${chosen} spellcheck=${false}
      onChange=${(/** @type {any} */ event) => setPrefix(event.target.value.trim())} /></label>
    <datalist id="prefixes">${prefixes.map(([name]) => html`<option value=${name}></option>`)}</datalist>
    <${Purge} service=${service} prefix=${chosen} onPurged=${purged} />
  </div>`;
  return html`<${Panel} title="Keys" note=${prefixes.map(([name, count]) => `${name} ${number(count)}`).join(" · ")} fill tools=${tools} error=${counts.error} reply=${counts.reply}>
    ${chosen && html`<${Keys} key=${service + chosen + purges} service=${service} prefix=${chosen} round=${counts.reply} />`}
  <//>`;
}

/** Pages of keys, as many as were asked for. */
function Keys({ service, prefix, round }) {
  const [entries, setEntries] = useState(/** @type {any[] | null} */ (null));
  const [cursor, setCursor] = useState(/** @type {string | null} */ (null));
  const [error, setError] = useState("");
  const [open, setOpen] = useState("");
  const pages = useRef(0);
  const load = async (/** @type {any[]} */ before, /** @type {string} */ from) => {
    const query = new URLSearchParams({ prefix, count: String(COUNT), ...(from && { cursor: from }) });
    const reply = await ask(`/api/${service}/__cache?${query}`);
    setError(reply.error);
    if (!reply.ok) return;
    setEntries([...before, ...reply.value.entries]);
    setCursor(reply.value.next_cursor);
    pages.current = from ? pages.current + 1 : 1;
  };
  // Further pages that somebody has asked for stay as they are.
  useEffect(() => void (pages.current < 2 && load([], "")), [round]);
  if (error) return html`<div class="body"><${Notice} kind="bad">${error}<//></div>`;
  if (!entries) return html`<p class="empty">Reading the keys.</p>`;
  const columns = [
    { name: "Key", kind: "wide", cell: (/** @type {any} */ row) => html`<code dir="auto">${row.key}</code>${row.search && html`<br /><code class="dim" dir="auto">${row.search}</code>`}` },
    { name: "State", kind: "tight", cell: (/** @type {any} */ row) => html`<${Pill} kind=${row.counts ? "hit" : row.state}>${row.counts ? "valid" : row.state}<//>` },
    { name: "Why", cell: (/** @type {any} */ row) => html`<span class="dim">${row.text}</span>` },
    { name: "Depends on", kind: "tight", label: true, cell: (/** @type {any} */ row) => html`<code class="dim" dir="auto">${row.tag}</code>` },
    { name: "Expires in", kind: "number", label: true, cell: (/** @type {any} */ row) => `${number(row.ttl)} s` },
    { name: "Size", kind: "number", cell: (/** @type {any} */ row) => bytes(row.bytes) },
    { name: "", kind: "actions tight", cell: (/** @type {any} */ row) => html`<${More} open=${open === row.key} name=${row.key}
      onClick=${() => setOpen(open === row.key ? "" : row.key)} />` },
  ];
  return html`<${Table} caption=${`Keys that begin with ${prefix}`} columns=${columns} rows=${entries} rowKey=${(/** @type {any} */ row) => row.key}
      detail=${(/** @type {any} */ row) => row.key === open && html`<${Entry} service=${service} name=${row.key} />`}
      empty=${`No key begins with ${prefix}. A read through the API makes one.`} />
    ${cursor && html`<div class="more"><button type="button" onClick=${() => load(entries, cursor)}>Show more</button>
      <span class="dim">${counted(entries.length, "key")} so far</span></div>`}`;
}

/** One entry, its head, and what invalidated it. */
function Entry({ service, name }) {
  const { value, error } = useAsk(`/api/${service}/__cache?${new URLSearchParams({ key: name })}`);
  if (error) return html`<p class="bad">${error}</p>`;
  if (!value) return html`<p class="dim">Reading the entry.</p>`;
  const { because } = value;
  return html`<dl class="facts">
    <dt>State</dt><dd>${value.counts ? "valid" : "not valid"}: ${value.text}</dd>
    ${because && html`<dt>Because</dt><dd>${because.text}${because.at && html`, ${clock(because.at)}`}
      ${because.request_id && html`, <a href=${`/trace/${because.request_id}`}>trace the request</a>`}</dd>`}
    ${value.head && html`<dt>Head</dt><dd><pre tabindex="0">${JSON.stringify(value.head, null, 2)}</pre></dd>`}
  </dl>`;
}

/** Count the keys of a prefix, ask, then remove them. */
function Purge({ service, prefix, onPurged }) {
  const [found, setFound] = useState(/** @type {number | null} */ (null));
  const path = `/api/${service}/__cache?${new URLSearchParams({ prefix })}`;
  const count = async () => {
    const reply = await ask(`${path}&dry_run=1`, { method: "DELETE" });
    if (reply.ok) setFound(reply.value.purged);
    else say(reply.error);
  };
  const purge = async () => {
    setFound(null);
    const reply = await ask(path, { method: "DELETE" });
    say(reply.ok ? `${counted(reply.value.purged, "entry", "entries")} removed.` : reply.error);
    onPurged();
  };
  return html`<${Action} scope="admin" kind="danger" disabled=${!prefix} onClick=${count}>Purge …<//>
    ${found !== null && html`<${Confirm} title="Purge the cache" yes=${`Remove ${counted(found, "entry", "entries")}`} onYes=${purge} onNo=${() => setFound(null)}>
      <p>${counted(found, "entry", "entries")} of ${service} ${found === 1 ? "begins" : "begin"} with <code dir="auto">${prefix}</code>.
        Nothing is lost: the next read of each is a miss and stores it again.</p>
    <//>`}`;
}
