/** The form of one address; a refusal stands beside the field that it is about. */
import { useState } from "preact/hooks";
import { html } from "../html.js";

const KEY = "vitrine.draft ";
const FIELDS = { name: "Name", company: "Company", street: "Street", postal_code: "Postal code", city: "City", region: "Region", country: "Country, two letters", phone: "Phone" };

/** @param {{address: any, at: number, draft: string, onSave: (address: any) => Promise<string>, onClose: () => void}} props */
export function AddressForm({ address, at, draft, onSave, onClose }) {
  const key = KEY + draft;
  const [values, setValues] = useState(() => kept(key) ?? address);
  const [error, setError] = useState("");
  const type = (/** @type {string} */ field, /** @type {string} */ text) => {
    const next = { ...values, [field]: text };
    sessionStorage.setItem(key, JSON.stringify(next));
    setValues(next);
  };
  const close = () => {
    sessionStorage.removeItem(key);
    onClose();
  };
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const sent = Object.fromEntries(Object.entries(values).filter(([, value]) => String(value ?? "").trim()));
    const refused = await onSave(sent);
    setError(refused);
    if (!refused) sessionStorage.removeItem(key);
  };
  const wrong = (/** @type {string} */ field) => error.includes(`/addresses/${at}/${field}`);
  return html`<form class="form" aria-label=${`Address ${at + 1}`} onSubmit=${send}>
    <label class="field">For<select value=${values.kind} onChange=${(/** @type {any} */ event) => type("kind", event.target.value)}>
      <option value="shipping">parcels</option><option value="billing">invoices</option></select></label>
    ${Object.entries(FIELDS).map(([field, name]) => html`<label class="field" key=${field}>${name}
      ${field === "street" ? html`<textarea rows="2" dir="auto" value=${values[field] ?? ""} onInput=${(/** @type {any} */ event) => type(field, event.target.value)}></textarea>`
        : html`<input dir="auto" value=${values[field] ?? ""} aria-invalid=${wrong(field)} onInput=${(/** @type {any} */ event) => type(field, event.target.value)} />`}</label>`)}
    ${error && html`<p class="bad whole" role="alert">${error}</p>`}
    <div class="tools whole"><button type="button" onClick=${close}>Cancel</button><button class="main">Save the address</button></div>
  </form>`;
}

/** @param {string} key */
function kept(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}
