/** The history of a product: who changed what, also by hand in MongoDB, and the way back. */
import { useEffect, useState } from "preact/hooks";
import { moment } from "../amounts.js";
import { counted } from "../format.js";
import { html } from "../html.js";
import { MoreRows } from "../lists/more_rows.js";
import { usePages } from "../lists/use_pages.js";
import { Author, isByHand } from "../lists/author.js";
import { More } from "../parts/more.js";
import { Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { Table } from "../parts/table.js";
import { missing, session } from "../session.js";
import { useValue } from "../value.js";
import { ChangedFields } from "./changed_fields.js";
import { labelOf } from "../product_form/fields.js";
import { canPutBack, PutBack } from "./put_back.js";

const PER = 20;
const LATER = 1500; // milliseconds after which the follower has noted a change
const TONES = { created: "good", updated: "write", deleted: "bad", restored: "good" };

/** @param {{product: any, round: number}} props  `round` counts the changes of the product */
export function ProductHistory({ product, round }) {
  useValue(session);
  const [open, setOpen] = useState("");
  const [back, setBack] = useState(/** @type {any} */ (null));
  const list = usePages(`/api/products/products/${product.id}/history?per=${PER}`);
  const { reply, error, reload } = list;
  useEffect(() => {
    if (round < 2) return undefined;
    reload();
    const timer = setTimeout(reload, LATER);
    return () => clearTimeout(timer);
  }, [round]);
  const all = list.items ?? [];
  const rows = all.filter((/** @type {any} */ row) => row.type !== "updated" || row.fields.length);
  const hidden = all.length - rows.length;
  const reason = missing("products:write");
  const keyOf = (/** @type {any} */ row) => `${row.at} ${row.type} ${row.revision?.to}`;
  const columns = [
    { name: "Change", kind: "wide", cell: Change },
    { name: "When and who", kind: "wide", cell: (/** @type {any} */ row) => html`<span class="time">${moment(row.at)}</span> ${Author(row)}` },
    { name: "", kind: "actions", cell: (/** @type {any} */ row) => html`<div class="tools">
      ${row.changes && html`<${More} open=${open === keyOf(row)} text="difference" name=${`${row.type}, ${moment(row.at)}`} onClick=${() => setOpen(open === keyOf(row) ? "" : keyOf(row))} />`}
      ${!reason && canPutBack(row) && html`<button type="button" class="link" aria-label=${`Put back what was before ${moment(row.at)}: ${row.fields.map(labelOf).join(", ")}`} onClick=${() => setBack(row)}>Put back</button>`}
    </div>` },
  ];
  return html`<${Panel} title="History" fill reply=${reply} error=${error}>
    ${list.items && html`<${Table} caption="Changes, the latest first" columns=${columns} rows=${rows} rowKey=${keyOf} rowClass=${(/** @type {any} */ row) => (isByHand(row) ? "hand" : "")}
      detail=${(/** @type {any} */ row) => open === keyOf(row) && html`<${ChangedFields} changes=${Object.entries(row.changes ?? {})} />`} empty="No change is known: the history begins with the next one." />`}
    <${MoreRows} list=${list} name="history" one="entry" many="entries" />
    ${hidden > 0 && html`<p class="more dim">${counted(hidden, "write")} left out, such as steps of a picture that is not ready.</p>`}
    ${back && html`<${PutBack} product=${product} entry=${back} onDone=${() => setBack(null)} />`}
  <//>`;
}

/** @param {any} row */
const Change = (row) =>
  html`<${Pill} kind=${/** @type {any} */ (TONES)[row.type] ?? "none"}>${row.type}<//>${row.type === "updated" && html` ${row.fields.map(labelOf).join(", ")}`}`;
