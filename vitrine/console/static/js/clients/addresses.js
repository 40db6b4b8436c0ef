/** The addresses of a client: where invoices and parcels go. A change sends all of them. */
import { useState } from "preact/hooks";
import { draftOf, keepDraft } from "../edits/drafts.js";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { say } from "../said.js";
import { AddressForm } from "./address_form.js";
import { saveField } from "./save.js";

const MOST = 20; // of one client

/**
 * @typedef {object} Draft
 * @property {number} at  the place of the address; that after the last one is a new address
 * @property {any} values  what was typed
 * @property {any[] | null} before  all addresses when the form was opened
 */

/** @param {{client: any, etag: string, onSaved: () => void}} props */
export function Addresses({ client, etag, onSaved }) {
  const key = `vitrine.draft client ${client.id} addresses`;
  const all = Array.isArray(client.addresses) ? client.addresses : [];
  const [draft, setDraft] = useState(() => /** @type {Draft | null} */ (draftOf(key)));
  const keep = (/** @type {Draft | null} */ next) => {
    keepDraft(key, next);
    setDraft(next);
  };
  const open = (/** @type {number} */ at) => keep({ at, values: all[at] ?? { kind: "shipping" }, before: client.addresses ?? null });
  const save = async (/** @type {any[]} */ addresses, /** @type {any[] | null} */ before) => {
    const { error } = await saveField(client, "addresses", addresses.length ? addresses : null, etag, before);
    if (!error) {
      keep(null);
      onSaved();
    }
    return error;
  };
  // The others are sent as they were when the form was opened; if they are not so any more, the reader is asked.
  const put = (/** @type {Draft} */ { at, before }, /** @type {any} */ address) =>
    save([...(before ?? []).slice(0, at), address, ...(before ?? []).slice(at + 1)], before);
  const remove = async (/** @type {number} */ at) => {
    const error = await save(all.filter((/** @type {any} */ _, /** @type {number} */ each) => each !== at), client.addresses ?? null);
    if (error) say(error);
  };
  const tools = html`<${Action} scope="clients:write" disabled=${all.length >= MOST || draft !== null} onClick=${() => open(all.length)}>Add an address<//>`;
  return html`<${Panel} title="Addresses" note=${all.length || ""} tools=${tools}>
    ${all.length > 0 && html`<ul class="addresses">${all.map((/** @type {any} */ address, /** @type {number} */ at) => html`<li class="address" key=${at}>
      <span><${Pill} kind=${address.kind === "billing" ? "write" : "good"}>${address.kind}<//></span>
      <span dir="auto">${linesOf(address)}</span>
      <span class="tools"><${Action} scope="clients:write" kind="link" disabled=${draft !== null} label=${`Change address ${at + 1}`} onClick=${() => open(at)}>Change<//>
        <${Action} scope="clients:write" kind="link" disabled=${draft !== null} label=${`Remove address ${at + 1}`} onClick=${() => remove(at)}>Remove<//></span>
    </li>`)}</ul>`}
    ${!all.length && !draft && html`<p class="dim">No address.</p>`}
    ${draft && html`<${AddressForm} key=${draft.at} values=${draft.values} at=${draft.at} onType=${(/** @type {any} */ values) => keep({ ...draft, values })}
      onSave=${(/** @type {any} */ address) => put(draft, address)} onClose=${() => keep(null)} />`}
  <//>`;
}

/** An address as it stands on a parcel. @param {any} address */
const linesOf = ({ name, company, street, postal_code: code, city, region, country, phone }) =>
  [name, company, street, [code, city].filter(Boolean).join(" "), [region, country].filter(Boolean).join(", "), phone].filter(Boolean).join("\n");
