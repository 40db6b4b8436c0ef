/** What each service depends on, and whether it answers. */
import { duration, number } from "../format.js";
import { html } from "../html.js";
import { Notice } from "../parts/notice.js";
import { Panel } from "../parts/panel.js";
import { Dot } from "../parts/pill.js";
import { sentence } from "../parts/sentence.js";
import { Table } from "../parts/table.js";
import { servicesReply, toneOf, wordOf } from "../services.js";
import { useValue } from "../value.js";

/** @param {{services: import("../services.js").Service[], versions: Record<string, string>, version: string}} props */
export function Health({ services, versions, version }) {
  const reply = useValue(servicesReply);
  const problems = services.flatMap(({ name, problems: own }) => own.map(({ text, remedy }) => ({ key: `${name} ${text}`, name, text: `${text} ${remedy}` })));
  const columns = [
    { name: "Service", kind: "grow", cell: (/** @type {any} */ row) => html`<b>${row.name}</b>` },
    { name: "State", kind: "end", cell: (/** @type {any} */ row) => html`<${Dot} kind=${toneOf(row.state)}>${wordOf(row.state)}<//>` },
    { name: "Version", kind: "number", label: true, cell: (/** @type {any} */ row) => html`<span class=${(versions[row.name] ?? version) === version ? "" : "warn"}>${versions[row.name] ?? "–"}</span>` },
    { name: "MongoDB", kind: "number", label: true, cell: (/** @type {any} */ row) => probe(row.ready.mongodb) },
    { name: "Redis", kind: "number", label: true, cell: (/** @type {any} */ row) => probe(row.ready.redis) },
    { name: "Follower", kind: "number", label: true, cell: (/** @type {any} */ { ready }) => `${ready.follower ?? "–"}${ready.follower_lag_seconds == null ? "" : `, ${duration(ready.follower_lag_seconds * 1000)} behind`}` },
    { name: "Workers", kind: "number", label: true, cell: (/** @type {any} */ { ready }) => (ready.queue ? number(ready.queue.workers) : "–") },
  ];
  return html`
    ${problems.map(({ key, name, text }) => html`<${Notice} key=${key} kind="warn" label=${`${name}:`}>${sentence(text)}<//>`)}
    <${Panel} title="Health" note="of the services and what they depend on" fill reply=${reply}>
      <${Table} caption="Health of the services" columns=${columns} rows=${services} rowKey=${(/** @type {any} */ row) => row.name} empty="No service has answered yet." />
    <//>`;
}

/** @param {any} found */
const probe = (found) => (found?.error ? html`<span class="bad">${found.error}</span>` : found?.latency_ms == null ? "–" : duration(found.latency_ms));
