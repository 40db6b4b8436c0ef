/** The form of one address; a refusal stands beside the field that it is about. */
import { useState } from "preact/hooks";
import { html } from "../html.js";

const FIELDS = { name: "Name", company: "Company", street: "Street", postal_code: "Postal code", city: "City", region: "Region", country: "Country, two letters", phone: "Phone" };

/** @param {{values: any, at: number, onType: (values: any) => void, onSave: (address: any) => Promise<string>, onClose: () => void}} props */
export function AddressForm({ values, at, onType, onSave, onClose }) {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const type = (/** @type {string} */ field, /** @type {string} */ text) => onType({ ...values, [field]: text });
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(await onSave(Object.fromEntries(Object.entries(values).filter(([, value]) => String(value ?? "").trim()))));
    setBusy(false);
  };
  const wrong = (/** @type {string} */ field) => error.includes(`/addresses/${at}/${field}`);
  return html`<form class="form" aria-label=${`Address ${at + 1}`} onSubmit=${send}>
    <label class="field">For<select value=${values.kind} onChange=${(/** @type {any} */ event) => type("kind", event.target.value)}>
      <option value="shipping">parcels</option><option value="billing">invoices</option></select></label>
    ${Object.entries(FIELDS).map(([field, name]) => html`<label class="field" key=${field}>${name}
      ${field === "street" ? html`<textarea rows="2" dir="auto" value=${values[field] ?? ""} onInput=${(/** @type {any} */ event) => type(field, event.target.value)}></textarea>`
        : html`<input dir="auto" value=${values[field] ?? ""} aria-invalid=${wrong(field)} onInput=${(/** @type {any} */ event) => type(field, event.target.value)} />`}</label>`)}
    ${error && html`<p class="bad whole" role="alert">${error}</p>`}
    <div class="tools whole"><button type="button" onClick=${onClose}>Cancel</button><button class="main" disabled=${busy}>Save the address</button></div>
  </form>`;
}
