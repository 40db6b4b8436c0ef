/** Overview: the services, the cache, the queue, the last changes, and what is not well. */
import { useMemo } from "preact/hooks";
import { ago, counted, duration, number, percent } from "../format.js";
import { html } from "../html.js";
import { Chart, sumOf } from "../parts/chart.js";
import { ChangesTable } from "../parts/changes_table.js";
import { Figures } from "../parts/figures.js";
import { Heading } from "../parts/heading.js";
import { Notice } from "../parts/notice.js";
import { Panel } from "../parts/panel.js";
import { Dot } from "../parts/pill.js";
import { sentence } from "../parts/sentence.js";
import { Table } from "../parts/table.js";
import { changes, sources, together, useSamples } from "../recent.js";
import { queues, services, servicesReply, toneOf, wordOf } from "../services.js";
import { missing, session } from "../session.js";
import { useAsk } from "../use_ask.js";
import { useValue } from "../value.js";

const WINDOW = 900; // seconds of the chart

export function Page() {
  const names = useValue(queues);
  return html`<${Overview} key=${names.join()} queues=${names} />`; // as many hooks as names
}

/** @param {{queues: string[]}} props  the services that have jobs */
function Overview({ queues: names }) {
  useValue(session);
  const isAdmin = !missing("admin");
  const all = useValue(services);
  const taken = useSamples();
  const rates = useMemo(() => taken.map(together), [taken]);
  const jobs = useJobs(names, isAdmin);
  return html`
    <${Heading} title="Overview" text="The stack at this moment, and in the last 15 minutes." />
    <${NotWell} services=${all} jobs=${jobs} />
    <${Numbers} services=${all} rates=${rates} jobs=${jobs} />
    <${Panel} title="Reads per second" note="by what the cache said" fill tools=${html`<a href="/cache">Live requests</a>`}>
      <${Chart} samples=${rates} seconds=${WINDOW} title="Reads per second in the last 15 minutes" />
    <//>
    <${Services} services=${all} />
    <${LastChanges} />`;
}

/** The numbers of jobs of some services together. @param {string[]} names @param {boolean} isAdmin */
function useJobs(names, isAdmin) {
  const pages = names.map((service) => useAsk(isAdmin ? `/api/${service}/jobs?per=1` : "", { every: 5 }).value);
  const sum = (/** @type {string} */ state) => pages.reduce((total, page) => total + (page?.counts?.[state] ?? 0), 0);
  const isKnown = !isAdmin || pages.every(Boolean);
  return { isKnown, waiting: sum("waiting"), running: sum("running"), failed: sum("failed") };
}

/** What is not well, one sentence each, with the remedy. */
function NotWell({ services: all, jobs: { failed, isKnown } }) {
  const down = useValue(sources);
  const findings = [];
  for (const { name, state, problems } of all) {
    for (const { text, remedy } of problems) findings.push({ key: `${name} ${text}`, kind: toneOf(state), label: `${name}:`, text: `${text} ${remedy}` });
  }
  if (failed) findings.push({ key: "jobs", kind: "warn", label: "jobs:", text: `${counted(failed, "job")} failed.`, action: html`<a href="/jobs">Read the errors and retry</a>` });
  for (const [source, detail] of Object.entries(down)) {
    findings.push({ key: source, kind: "warn", label: `${source}:`, text: detail || "The console does not hear from it; it tries again by itself." });
  }
  if (!all.length || !(findings.length || isKnown)) return null;
  if (!findings.length) return html`<${Notice} kind="good" label="All is well.">${counted(all.length, "service answers", "services answer")}, and each follower sees every edit.<//>`;
  return findings.map(({ key, kind, label, text, action }) => html`<${Notice} key=${key} kind=${kind} label=${label} action=${action}>${sentence(text)}<//>`);
}

function Numbers({ services: all, rates, jobs }) {
  const sums = sumOf(rates);
  const reads = sums.hit + sums.miss + sums.stale + sums.bypass;
  const lags = all.map(({ ready }) => ready.follower_lag_seconds).filter((/** @type {any} */ lag) => lag != null);
  const workers = all.reduce((/** @type {number} */ sum, /** @type {any} */ { ready }) => sum + (ready.queue?.workers ?? 0), 0);
  const now = rates.at(-1);
  return html`<${Figures} items=${[
    { name: "Hits", value: percent(reads ? sums.hit / reads : null), remark: reads ? `of ${counted(Math.round(reads), "read")}` : "no reads yet" },
    { name: "Requests", value: html`${number(now?.requests ?? 0)} <small>/s</small>`, remark: now?.errors ? html`<span class="bad">${number(now.errors)} errors/s</span>` : "no errors" },
    { name: "Follower lag", value: lags.length ? duration(Math.max(...lags) * 1000) : "–", remark: "the slowest service" },
    { name: "Jobs", value: number(jobs.waiting + jobs.running), remark: jobs.failed ? html`<span class="bad">${number(jobs.failed)} failed</span>` : `waiting or running, ${counted(workers, "worker")}` },
  ]} />`;
}

/** @param {{services: import("../services.js").Service[]}} props */
function Services({ services: all }) {
  const reply = useValue(servicesReply);
  const columns = [
    { name: "Service", kind: "grow", cell: (/** @type {any} */ row) => html`<a href=${`${row.url}/docs`} target="_blank" rel="noreferrer">${row.name}</a>` },
    { name: "State", kind: "end", cell: (/** @type {any} */ row) => html`<${Dot} kind=${toneOf(row.state)}>${wordOf(row.state)}<//>` },
    { name: "Answer", kind: "number", label: true, cell: (/** @type {any} */ row) => duration(row.milliseconds) },
    { name: "MongoDB", kind: "number", label: true, cell: (/** @type {any} */ row) => latency(row.ready.mongodb) },
    { name: "Redis", kind: "number", label: true, cell: (/** @type {any} */ row) => latency(row.ready.redis) },
    { name: "Lag", kind: "number", label: true, cell: (/** @type {any} */ row) => (row.ready.follower_lag_seconds == null ? "–" : duration(row.ready.follower_lag_seconds * 1000)) },
    { name: "Queue", kind: "number", label: true, cell: (/** @type {any} */ { ready }) => (ready.queue ? queueOf(ready.queue) : "–") },
  ];
  return html`<${Panel} title="Services" fill reply=${reply}>
    <${Table} caption="Services" columns=${columns} rows=${all} rowKey=${(/** @type {any} */ row) => row.name} empty="No service has answered yet." />
  <//>`;
}

/** @param {any} probe */
const latency = (probe) => (probe?.error ? html`<span class="bad">${probe.error}</span>` : duration(probe?.latency_ms));

/** @param {any} queue */
const queueOf = (queue) => (queue.error ? html`<span class="bad">${queue.error}</span>` : `${number(queue.waiting)} waiting`);

function LastChanges() {
  const recent = useValue(changes);
  const last = recent[0] && html`the last one ${ago(recent[0].at)}`;
  return html`<${Panel} title="Last changes" note=${last} fill tools=${html`<a href="/changes">All changes</a>`}>
    <${ChangesTable} rows=${recent.slice(0, 8)} empty="Nothing has changed since this tab was opened. Write through the API, or edit a document in MongoDB: it shows here." />
  <//>`;
}
