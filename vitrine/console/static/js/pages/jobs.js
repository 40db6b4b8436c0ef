/** Jobs: waiting, running and failed, the newest first, with the last line of the error and retry. */
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api.js";
import { ago, clock, counted, number } from "../format.js";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { Heading } from "../parts/heading.js";
import { Panel } from "../parts/panel.js";
import { Dot, Pill } from "../parts/pill.js";
import { sentence } from "../parts/sentence.js";
import { Table } from "../parts/table.js";
import { say } from "../said.js";
import { queues as known, services } from "../services.js";
import { missing, session } from "../session.js";
import { useEvents } from "../stream.js";
import { useAsk } from "../use_ask.js";
import { useValue } from "../value.js";

const STATES = ["failed", "waiting", "running"];
const VERBS = { failed: "has failed", waiting: "waits", running: "runs" };
const PER = 50;
const EVERY = 5; // seconds
const SOON = 1; // seconds while a job waits or runs, which may be over before a number has changed

export function Page() {
  const names = useValue(known);
  const all = useValue(services);
  return html`<${Queues} key=${names.join()} names=${names} isKnown=${all.length > 0} />`; // as many hooks as names
}

/** The queues of some services. @param {{names: string[], isKnown: boolean}} props */
function Queues({ names, isKnown }) {
  useValue(session);
  const [state, setState] = useState("failed");
  const [every, setEvery] = useState(EVERY);
  const reason = missing("admin");
  const queues = names.map((service) => ({
    service,
    ...useAsk(reason ? "" : `/api/${service}/jobs?state=${state}&per=${PER}`, { every }),
  }));
  useEvents("job", (events) => {
    for (const { service, reload } of queues) if (events.some((event) => event.service === service)) reload();
  });
  const sum = (/** @type {string} */ name) => queues.reduce((total, { value }) => total + (value?.counts[name] ?? 0), 0);
  const isBusy = sum("waiting") + sum("running") > 0;
  useEffect(() => setEvery(isBusy ? SOON : EVERY), [isBusy]);
  return html`
    <${Heading} title="Jobs" text="Work beside the requests: thumbnails of products, and orders that were left half-way.">
      <div class="tools" role="group" aria-label="Which jobs">${STATES.map((name) => html`<button type="button" key=${name}
        class=${name === state ? "main" : ""} aria-pressed=${name === state} onClick=${() => setState(name)}>
        ${name} <span class="number">${number(sum(name))}</span></button>`)}</div>
    <//>
    ${!names.length && html`<p class="empty">${isKnown ? "No service has jobs." : "Reading the services."}</p>`}
    ${queues.map(({ service, ...queue }) => html`<${Queue} key=${service} service=${service} state=${state} queue=${queue} />`)}
    <${Workers} queues=${queues} />`;
}

/** The jobs of one service in one state. */
function Queue({ service, state, queue }) {
  const { value, error, reply, reload } = queue;
  const act = async (/** @type {string} */ path, /** @type {string} */ method, /** @type {(value: any) => string} */ done) => {
    const answer = await ask(`/api/${service}${path}`, { method });
    say(answer.ok ? done(answer.value) : answer.error);
    reload();
  };
  const retryAll = () => act("/jobs:retry", "POST", ({ retried }) => `${counted(retried, "job")} of ${service} wait again.`);
  const jobs = value?.items ?? [];
  const columns = [
    { name: "Job", kind: "wide", cell: (/** @type {any} */ job) => html`<b>${job.name}</b>${" "}<code class="dim" dir="auto">${job.id}</code>` },
    { name: "State", kind: "tight", cell: State },
    { name: state === "failed" ? "Error" : "Details", kind: "wide", cell: Details },
    { name: state === "failed" ? "Failed" : "Queued", kind: "time tight", cell: (/** @type {any} */ job) => clock(job.ended_at ?? job.started_at ?? job.enqueued_at ?? job.created_at) },
    { name: "Request", kind: "tight", cell: (/** @type {any} */ job) => job.request_id && html`<a href=${`/trace/${job.request_id}`}>trace</a>` },
    { name: "", kind: "actions tight", cell: (/** @type {any} */ job) => html`<div class="tools">
      ${job.state === "failed" && html`<${Action} scope="admin" label=${`Retry ${job.id}`} onClick=${() => act(`/jobs/${encodeURIComponent(job.id)}/retry`, "POST", () => `${job.name} waits again.`)}>Retry<//>`}
      ${job.state !== "started" && html`<${Action} scope="admin" kind="link" label=${`Remove ${job.id}`} onClick=${() => act(`/jobs/${encodeURIComponent(job.id)}`, "DELETE", () => `${job.name} is removed.`)}>Remove<//>`}
    </div>` },
  ];
  const tools = state === "failed" && html`<${Action} scope="admin" disabled=${!jobs.length} label=${`Retry all failed jobs of ${service}`} onClick=${retryAll}>Retry all<//>`;
  const none = error ? "" : value ? `No job of ${service} ${/** @type {any} */ (VERBS)[state]}.` : "Reading the jobs.";
  return html`<${Panel} title=${service} note=${value ? `${number(value.total)} ${state}` : ""} fill tools=${tools} reply=${reply} error=${error}>
    ${!(error && !value) && html`<${Table} caption=${`Jobs of ${service}, the newest first`} columns=${columns} rows=${jobs} rowKey=${(/** @type {any} */ job) => job.id} empty=${none} />`}
    ${value && value.total > jobs.length && html`<div class="more dim">The newest ${number(jobs.length)} of ${number(value.total)} are shown.</div>`}
  <//>`;
}

const TONES = { failed: "bad", started: "write", queued: "none", scheduled: "warn" };

/** @param {any} job */
const State = (job) => html`<${Pill} kind=${/** @type {any} */ (TONES)[job.state] ?? "none"}>${job.state}<//>`;

/** @param {any} job */
function Details(job) {
  if (job.error) return html`<span class=${job.state === "failed" ? "bad" : "dim"} dir="auto">${job.error}</span>`;
  if (job.due_at) return html`<span class="dim">due ${clock(job.due_at)}; ${counted(job.retries_left ?? 0, "attempt")} left</span>`;
  return job.worker ? html`<span class="dim">by worker <code>${job.worker}</code></span>` : "";
}

/** The workers of all queues. */
function Workers({ queues }) {
  const rows = queues.flatMap((/** @type {any} */ { service, value }) => (value?.workers ?? []).map((/** @type {any} */ worker) => ({ ...worker, service })));
  const columns = [
    { name: "Worker", kind: "wide", cell: (/** @type {any} */ row) => html`<code>${row.name}</code>` },
    { name: "Queue", cell: (/** @type {any} */ row) => row.service },
    { name: "State", cell: (/** @type {any} */ row) => html`<${Dot} kind=${row.state === "busy" ? "warn" : "good"}>${row.state}<//>` },
    { name: "Job", cell: (/** @type {any} */ row) => row.job && html`<code dir="auto">${row.job}</code>` },
    { name: "Last sign", kind: "time", label: true, cell: (/** @type {any} */ row) => (row.heartbeat ? ago(row.heartbeat) : "–") },
    { name: "Done", kind: "number", label: true, cell: (/** @type {any} */ row) => number(row.done) },
    { name: "Failed", kind: "number", label: true, cell: (/** @type {any} */ row) => number(row.failed) },
  ];
  const isKnown = queues.some((/** @type {any} */ { value }) => value);
  return html`<${Panel} title="Workers" fill>
    <${Table} caption="Workers" columns=${columns} rows=${rows} rowKey=${(/** @type {any} */ row) => row.service + row.name}
      empty=${isKnown ? sentence("No worker runs, so jobs wait. `vitrine up` starts them, unless JOB_WORKERS=0.") : "Not known yet."} />
  <//>`;
}
