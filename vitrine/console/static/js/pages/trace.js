/** Trace: what one request did, in all services, jobs and the history, on one time line. */
import { useEffect, useState } from "preact/hooks";
import { counted, decoded, duration, moment, number } from "../format.js";
import { html } from "../html.js";
import { Heading } from "../parts/heading.js";
import { Notice } from "../parts/notice.js";
import { More } from "../parts/more.js";
import { Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { requests } from "../recent.js";
import { go, path } from "../router.js";
import { missing, session } from "../session.js";
import { useAsk } from "../use_ask.js";
import { useValue } from "../value.js";

const WORDS = { log: "log line", request: "request", note: "cache", history: "history", job: "job" };
const TONES = { error: "bad", critical: "bad", warning: "warn" };
const EVERY = 5; // seconds: a job may go on after the request
const OVER = 120_000; // milliseconds after the last event

export function Page() {
  const shown = useValue(path);
  useValue(session);
  const id = decoded(shown.split("/")[2] ?? "");
  const reason = missing("admin");
  const [text, setText] = useState("");
  const send = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (text.trim()) go(`/trace/${encodeURIComponent(text.trim())}`);
  };
  return html`
    <${Heading} title="Trace" text="One request id in all services: log lines, cache, history and jobs on one time line.">
      <form class="tools" role="search" onSubmit=${send}>
        <label><span class="hidden">Request id</span><input data-filter placeholder="Request id  ( / )" spellcheck=${false} value=${text || id}
          onInput=${(/** @type {any} */ event) => setText(event.target.value)} /></label>
        <button class="main">Trace</button>
      </form>
    <//>
    ${id && !reason ? html`<${Line} key=${id} id=${id} />` : html`<${Suggestions} />`}`;
}

/** The time line of one request. */
function Line({ id }) {
  const [every, setEvery] = useState(EVERY);
  const { value, error, reply } = useAsk(`/trace/${encodeURIComponent(id)}`, { every });
  const events = value?.events ?? [];
  const isOver = value && (!events.length || Date.now() - moment(events.at(-1).at).getTime() > OVER);
  useEffect(() => setEvery(isOver ? 0 : EVERY), [isOver]);
  const gaps = Object.entries(value?.sources ?? {}).filter(([, said]) => said !== "searched");
  return html`<${Panel} title=${id} note=${value && counted(events.length, "event")} fill reply=${reply} error=${error}>
    ${gaps.map(([source, said]) => html`<div class="body" key=${source}><${Notice} kind="warn" label=${`${source}:`}>${said}<//></div>`)}
    ${value && !events.length && html`<p class="empty">Nothing is known of this request. Logs of other machines, and requests from before the
      logs of this one, are not searched.</p>`}
    ${events.length > 0 && html`<ol class="line">${events.map((/** @type {any} */ event, /** @type {number} */ at) => html`<${Event} key=${at} event=${event} start=${events[0].at} />`)}</ol>`}
  <//>`;
}

/** One event: how long after the first, where, and what; its data on request. */
function Event({ event, start }) {
  const [open, setOpen] = useState(false);
  const after = moment(event.at).getTime() - moment(start).getTime();
  const tone = /** @type {any} */ (TONES)[event.level] ?? (event.kind === "log" ? "none" : "write");
  const hasData = Object.keys(event.data ?? {}).length > 0;
  return html`<li>
    <span class="time small" title=${event.at}>${after ? `+${exact(after)}` : moment(event.at).toLocaleTimeString("en-GB")}</span>
    <span class="mark ${tone}" aria-hidden="true"></span>
    <div class="event">
      <div><b>${event.service}</b>${event.process && event.process !== event.service && html`<span class="dim">${event.process}</span>`}
        <${Pill} kind=${tone}>${/** @type {any} */ (WORDS)[event.kind] ?? event.kind}<//>
        ${hasData && html`<${More} open=${open} text="data" name=${event.text} onClick=${() => setOpen(!open)} />`}</div>
      <span dir="auto">${event.text}</span>
      ${open && html`<pre tabindex="0">${JSON.stringify(event.data, null, 2)}</pre>`}
    </div>
  </li>`;
}

/** Milliseconds, because events of one second follow each other. @param {number} after */
const exact = (after) => (after < 10_000 ? `${number(after)} ms` : duration(after));

/** The last requests, to choose from. */
function Suggestions() {
  const recent = useValue(requests).slice(0, 12);
  return html`<${Panel} title="Last requests" fill>
    ${recent.length ? html`<ul class="plain body">${recent.map((row) => html`<li key=${row.row}><a href=${`/trace/${row.id}`}><code dir="auto">${row.method} ${row.path}</code></a>
      ${" "}<span class="dim">${row.status}, ${duration(row.ms)}, by <span dir="auto">${row.by}</span></span></li>`)}</ul>`
      : html`<p class="empty">Every answer has its id in the header X-Request-ID, and every error in request_id. Paste one above.</p>`}
  <//>`;
}
