/** Earlier imports, also those of the command line, as the history of the services knows them. */
import { useState } from "preact/hooks";
import { edits, undo } from "../edits/undo.js";
import { clock, number } from "../format.js";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { Confirm } from "../parts/confirm.js";
import { Panel } from "../parts/panel.js";
import { Table } from "../parts/table.js";
import { missing, session } from "../session.js";
import { useAsk } from "../use_ask.js";
import { useValue } from "../value.js";

const SERVICES = ["products", "categories", "clients", "orders"];
const PER = 10;

/** @typedef {{id: string, started_at: string, by: string, changes: Record<string, Record<string, number>>}} Known */

/** @param {{round: any}} props  another value has the list read again */
export function Recent({ round }) {
  const names = useValue(session)?.services ?? [];
  const [asked, setAsked] = useState(/** @type {Known | null} */ (null));
  const lists = SERVICES.map((service) => ({
    service,
    ...useAsk(names.includes(service) && !missing(`${service}:read`) ? `/api/${service}/${service}:imports?per=${PER}` : "", { every: 10 }),
  }));
  const rows = together(lists);
  const takeBack = async (/** @type {Known} */ one) => {
    setAsked(null);
    await undo(edits.get().find((edit) => edit.imported === one.id) ?? { label: `import ${one.id}`, imported: one.id });
    for (const { reload } of lists) reload();
  };
  const columns = [
    { name: "Began", kind: "time tight", cell: (/** @type {Known} */ row) => clock(row.started_at) },
    { name: "Import", kind: "wide", cell: (/** @type {Known} */ row) => html`<code>${row.id}</code>` },
    { name: "Changes", kind: "wide", cell: (/** @type {Known} */ row) => html`<span class="small">${changes(row)}</span>` },
    { name: "By", kind: "last", cell: (/** @type {Known} */ row) => html`<span dir="auto">${row.by}</span>` },
    { name: "", kind: "actions tight", cell: (/** @type {Known} */ row) => html`<${Action} scope="products:write" label=${`Undo ${row.id}`} onClick=${() => setAsked(row)}>Undo …<//>` },
  ];
  const isKnown = lists.some(({ value }) => value);
  const reason = missing("products:read");
  return html`<${Panel} title="Earlier imports" note="also those of the command line" fill reply=${lists[0].reply} error=${reason ? "" : lists[0].error}>
    <${Table} caption="Earlier imports, the latest first" columns=${columns} rows=${rows} rowKey=${(/** @type {Known} */ row) => row.id}
      empty=${reason || (isKnown ? "There is no import yet." : "Reading the history.")} />
    ${asked && html`<${Confirm} title="Undo an import" yes="Undo it" onYes=${() => takeBack(asked)} onNo=${() => setAsked(null)}>
      <p><code>${asked.id}</code> by <b dir="auto">${asked.by}</b>: ${changes(asked)}. New items go to the trash, changed values are put back. What was changed since stays as it is, and is listed.</p>
    <//>`}
  <//>`;
}

/** One row for each import, whatever services it has written to. @param {{service: string, value: any}[]} lists */
function together(lists) {
  /** @type {Map<string, Known>} */
  const known = new Map();
  for (const { service, value } of lists) {
    for (const { id, started_at: at, by, changes: own } of value?.items ?? []) {
      const one = known.get(id) ?? { id, started_at: at, by, changes: {} };
      if (at < one.started_at) one.started_at = at;
      one.changes[service] = own;
      known.set(id, one);
    }
  }
  return [...known.values()].sort((one, other) => (one.started_at < other.started_at ? 1 : -1)).slice(0, PER);
}

/** @param {Known} one */
const changes = (one) =>
  Object.entries(one.changes)
    .map(([service, counts]) => `${service}: ${Object.entries(counts).map(([what, count]) => `${number(count)} ${what}`).join(", ")}`)
    .join("; ");
