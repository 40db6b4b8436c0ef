/** Where to find what people look for: databases, documents, metrics, files. */
import { html } from "../html.js";
import { Panel } from "../parts/panel.js";
import { Table } from "../parts/table.js";

const DOCUMENTS = [
  ["docs", "Try requests"],
  ["redoc", "Read"],
  ["openapi.json", "OpenAPI"],
  ["metrics", "Prometheus"],
  ["health/ready", "Health"],
];

/** @param {{services: any[], valueOf: (name: string) => any}} props */
export function Places({ services, valueOf }) {
  const address = (/** @type {string} */ name) => valueOf(name) || "not known with this token";
  const columns = [
    { name: "Service", kind: "grow", cell: (/** @type {any} */ row) => html`<b>${row.name}</b>` },
    { name: "Address", kind: "wide", cell: (/** @type {any} */ row) => html`<code>${row.url}</code>` },
    ...DOCUMENTS.map(([path, name]) => ({ name, label: true, cell: (/** @type {any} */ row) => html`<a href=${`${row.url.replace(/\/$/, "")}/${path}`} target="_blank" rel="noreferrer"
      aria-label=${`/${path} of ${row.name}`}>/${path}</a>` })),
  ];
  return html`
    <${Panel} title="Services" note="addresses and documents of each" fill>
      <${Table} caption="Addresses and documents of the services" columns=${columns} rows=${services} rowKey=${(/** @type {any} */ row) => row.name} empty="No service has answered yet." />
    <//>
    <${Panel} title="Where do I find …">
      <dl class="facts">
        <dt>MongoDB</dt><dd><code dir="auto">${address("MONGO_URI")}</code>
          <p class="dim small">For Compass and mongosh with the password: <code>vitrine status --secrets</code> shows the whole address.</p></dd>
        <dt>Redis</dt><dd><code dir="auto">${address("REDIS_URL")}</code>
          <p class="dim small">For RedisInsight and redis-cli: the same command. The page <a href="/cache">Cache</a> shows what is in it.</p></dd>
        <dt>Files</dt><dd><code dir="auto">${address("DATA_DIR")}</code>
          <p class="dim small">Databases, pictures (<code>media</code>) and logs (<code>logs</code>; <code>vitrine logs</code> follows them). A copy while it runs: <code>docs/operations.md</code>.</p></dd>
        <dt>Metrics</dt><dd><code>/metrics</code> of each service, for Prometheus
          <p class="dim small">Dashboards for Grafana are in <code>deploy</code>; <code>docs/watching.md</code> names what to watch.</p></dd>
        <dt>A token</dt><dd><code>vitrine token --scope products:write --expires 8h --subject ann</code>
          <p class="dim small">What a scope allows: <code>docs/security.md</code>.</p></dd>
        <dt>How to …</dt><dd><code>docs/</code> of the project: <code>getting-started.md</code>, <code>import.md</code>, <code>orders.md</code>, <code>pictures.md</code>, <code>console.md</code></dd>
      </dl>
    <//>`;
}
