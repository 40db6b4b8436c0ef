/** The addresses of a client: where invoices and parcels go. A change sends all of them. */
import { useState } from "preact/hooks";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { AddressForm } from "./address_form.js";
import { saveField } from "./save.js";

const MOST = 20; // of one client

/** @param {{client: any, etag: string, onSaved: () => void}} props */
export function Addresses({ client, etag, onSaved }) {
  const all = Array.isArray(client.addresses) ? client.addresses : [];
  const [open, setOpen] = useState(/** @type {number | null} */ (null)); // all.length is a new one
  const save = async (/** @type {any[]} */ addresses) => {
    const { error } = await saveField(client, "addresses", addresses.length ? addresses : null, etag);
    if (!error) {
      setOpen(null);
      onSaved();
    }
    return error;
  };
  const put = (/** @type {number} */ at, /** @type {any} */ address) => save([...all.slice(0, at), address, ...all.slice(at + 1)]);
  const tools = html`<${Action} scope="clients:write" disabled=${all.length >= MOST || open !== null} onClick=${() => setOpen(all.length)}>Add an address<//>`;
  return html`<${Panel} title="Addresses" note=${all.length || ""} tools=${tools}>
    ${all.length > 0 && html`<ul class="addresses">${all.map((/** @type {any} */ address, /** @type {number} */ at) => html`<li class="address" key=${at}>
      <span><${Pill} kind=${address.kind === "billing" ? "write" : "good"}>${address.kind}<//></span>
      <span dir="auto">${linesOf(address)}</span>
      <span class="tools"><${Action} scope="clients:write" kind="link" label=${`Change address ${at + 1}`} onClick=${() => setOpen(at)}>Change<//>
        <${Action} scope="clients:write" kind="link" label=${`Remove address ${at + 1}`} onClick=${() => save(all.filter((/** @type {any} */ _, /** @type {number} */ each) => each !== at))}>Remove<//></span>
    </li>`)}</ul>`}
    ${!all.length && open === null && html`<p class="dim">No address.</p>`}
    ${open !== null && html`<${AddressForm} key=${open} address=${all[open] ?? { kind: "shipping" }} at=${open} draft=${`client ${client.id} address ${open}`}
      onSave=${(/** @type {any} */ address) => put(open, address)} onClose=${() => setOpen(null)} />`}
  <//>`;
}

/** An address as it stands on a parcel. @param {any} address */
const linesOf = ({ name, company, street, postal_code: code, city, region, country, phone }) =>
  [name, company, street, [code, city].filter(Boolean).join(" "), [region, country].filter(Boolean).join(", "), phone].filter(Boolean).join("\n");
