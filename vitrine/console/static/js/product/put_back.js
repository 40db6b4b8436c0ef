/** Put back the values of before a change, whoever made it, after a look at what that does. */
import { useState } from "preact/hooks";
import { edit } from "../edits/edit.js";
import { html } from "../html.js";
import { Dialog } from "../parts/dialog.js";
import { Notice } from "../parts/notice.js";
import { WRITABLE } from "../product_form/changes.js";
import { same } from "../edits/same.js";
import { ChangedFields } from "./changed_fields.js";
import { labelOf } from "../product_form/fields.js";
import { nameOf, pathOf } from "./save.js";

const CUT = 500; // characters of a long text that the history keeps

/** True if a text is only the beginning of what was there. @param {unknown} value */
const isCut = (value) => typeof value === "string" && value.length > CUT && value.endsWith("…");

/** @param {any} entry  of the history @returns {[string, {from: unknown, to: unknown}][]} */
const changesOf = (entry) => Object.entries(entry.changes ?? {}).filter(([name]) => WRITABLE.includes(name));

/** @param {any} entry  of the history */
export const canPutBack = (entry) => entry.type === "updated" && changesOf(entry).length > 0;

/** @param {{product: any, entry: any, onDone: () => void}} props */
export function PutBack({ product, entry, onDone }) {
  const [error, setError] = useState("");
  const [isSending, setIsSending] = useState(false);
  const all = changesOf(entry);
  const lost = all.filter(([, { from }]) => isCut(from)).map(([name]) => name);
  const wanted = all.filter(([name, { from }]) => !isCut(from) && !same(product[name], from));
  const send = async () => {
    setIsSending(true);
    const before = Object.fromEntries(wanted.map(([name]) => [name, product[name] ?? null]));
    const after = Object.fromEntries(wanted.map(([name, { from }]) => [name, from ?? null]));
    const label = `${wanted.map(([name]) => labelOf(name)).join(", ").toLowerCase()} of ${nameOf(product)} put back`;
    const reply = await edit({ service: "products", path: pathOf(product), before, after, label });
    setIsSending(false);
    if (reply.ok) onDone();
    else setError(reply.error);
  };
  return html`<${Dialog} title="Put back" onClose=${onDone}>
    ${wanted.length ? html`<p>These values are stored now, and those of before this change come back:</p>
      <${ChangedFields} words=${["now", "then"]} changes=${wanted.map(([name, { from }]) => [name, { from: product[name], to: from }])} />`
      : html`<p>The product has the values of before this change already.</p>`}
    ${lost.length > 0 && html`<${Notice} kind="warn">${lost.map(labelOf).join(", ")}: the history keeps only the beginning of long values, so that they cannot be put back.<//>`}
    ${error && html`<${Notice} kind="bad" label="Not put back.">${error}<//>`}
    <div class="tools">
      <button type="button" onClick=${onDone}>Cancel</button>
      <button type="button" class="main" disabled=${!wanted.length || isSending} onClick=${send}>Put back</button>
    </div>
  <//>`;
}
