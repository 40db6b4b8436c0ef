/** Who the reader is, and what the token allows in each service. */
import { clock } from "../format.js";
import { html } from "../html.js";
import { Panel } from "../parts/panel.js";
import { Dot } from "../parts/pill.js";
import { Table } from "../parts/table.js";
import { missing } from "../session.js";

/** @param {{session: import("../session.js").Session}} props */
export function Rights({ session }) {
  const allowed = (/** @type {string} */ scope) => {
    const reason = missing(scope);
    return html`<${Dot} kind=${reason ? "warn" : "good"}>${reason ? "no" : "yes"}<//>${" "}<code class="dim scope">${scope}</code>`;
  };
  const columns = [
    { name: "Service", kind: "grow", cell: (/** @type {string} */ name) => html`<b>${name}</b>` },
    { name: "Read all", label: true, cell: (/** @type {string} */ name) => allowed(`${name}:read`) },
    { name: "Write", label: true, cell: (/** @type {string} */ name) => allowed(`${name}:write`) },
    { name: "Upkeep", label: true, cell: () => allowed("admin") },
  ];
  return html`<${Panel} title="What you may do" note=${session.mode === "open" ? "this machine may do everything" : "by your token"} fill>
    <div class="intro"><dl class="facts">
      <dt>You are</dt><dd><b dir="auto">${session.subject ?? "not signed in"}</b></dd>
      <dt>Scopes</dt><dd>${session.scopes.length ? session.scopes.map((scope) => html`<code key=${scope}>${scope}</code>${" "}`) : "none"}</dd>
      ${session.expires && html`<dt>Until</dt><dd>${clock(session.expires)}</dd>`}
    </dl></div>
    <${Table} caption="What you may do in each service" columns=${columns} rows=${session.services} rowKey=${(/** @type {string} */ name) => name} empty="No service is known." />
  <//>`;
}
