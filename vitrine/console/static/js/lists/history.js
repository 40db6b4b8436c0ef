/** Who changed an item, and what, the latest first. */
import { useEffect, useRef } from "preact/hooks";
import { moment } from "../amounts.js";
import { shown } from "../format.js";
import { html } from "../html.js";
import { MoreRows } from "./more_rows.js";
import { usePages } from "./use_pages.js";
import { Author, isByHand } from "./author.js";
import { Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { Table } from "../parts/table.js";

const KINDS = { created: "good", updated: "write", deleted: "bad", restored: "good", purged: "bad" };
const LATE = 1500; // milliseconds until the follower has noted a change

/** @param {{service: string, id: number | string, revision: number}} props */
export function ItemHistory({ service, id, revision }) {
  const list = usePages(`/api/${service}/${service}/${encodeURIComponent(id)}/history?per=20`);
  const before = useRef(revision);
  useEffect(() => {
    if (before.current === revision) return undefined;
    before.current = revision;
    const timer = setTimeout(list.reload, LATE);
    return () => clearTimeout(timer);
  }, [revision]);
  const columns = [
    { name: "When", kind: "time tight", cell: (/** @type {any} */ row) => moment(row.at) },
    { name: "Change", kind: "tight", cell: (/** @type {any} */ row) => html`<${Pill} kind=${/** @type {any} */ (KINDS)[row.type] ?? "none"}>${row.type}<//>` },
    { name: "Fields", kind: "wide", cell: Fields },
    { name: "By", kind: "tight last", cell: Author },
  ];
  const rows = (list.items ?? []).map((row, at) => ({ ...row, at_: at }));
  return html`<${Panel} title="History" fill reply=${list.reply} error=${list.error}>
    ${!list.error && html`<${Table} caption="History, the latest first" columns=${columns} rows=${rows} rowKey=${(/** @type {any} */ row) => row.at_} rowClass=${(/** @type {any} */ row) => (isByHand(row) ? "hand" : "")}
      empty=${list.items ? "No entry. The history begins with the first change that the follower sees." : "Reading the history."} />`}
    <${MoreRows} list=${list} name="history" one="entry" many="entries" />
  <//>`;
}

/** The changed fields with what they are now; of an erased entry the names alone. @param {any} row */
function Fields({ fields, changes }) {
  return (fields ?? []).filter((/** @type {string} */ name) => name !== "history").map((/** @type {string} */ name) => {
    const change = changes?.[name];
    if (!change || typeof change.to === "object" || typeof change.from === "object" && change.from) return html`<span class="change" key=${name}><code>${name}</code> </span>`;
    return html`<span class="change" key=${name}><code>${name}</code>${" "}${change.from != null && html`<s class="dim" dir="auto">${shown(change.from)}</s>${" "}`}<span dir="auto">${shown(change.to)}</span> </span>`;
  });
}
