/** A change of the stock with its reason, for the ledger; or the first count of it. */
import { useRef, useState } from "preact/hooks";
import { NUMBER_HINT, amount, numberOf } from "../amounts.js";
import { ask, isUnanswered } from "../api.js";
import { edit } from "../edits/edit.js";
import { remember } from "../edits/undo.js";
import { html } from "../html.js";
import { randomName } from "../random.js";
import { nameOf, pathOf } from "./save.js";

const USUAL = ["delivery", "returned", "damaged", "lost", "stocktaking"];

/** @param {{product: any, reason: string}} props  `reason` is why it cannot be changed */
export function StockChange({ product, reason: fixed }) {
  const [text, setText] = useState("");
  const [reason, setReason] = useState("");
  const [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({}));
  const key = useRef(randomName()); // The same change is made once, even if it is sent twice.
  const isSending = useRef(false);
  const isCounted = product.stock != null;
  const change = numberOf(text);
  const isNumber = change !== null && !Number.isNaN(change);
  const typed = (/** @type {(text: string) => void} */ set) => (/** @type {any} */ event) => {
    key.current = randomName(); // Another text is another change.
    set(event.target.value);
  };
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isSending.current) return undefined;
    if (!isNumber) return setErrors({ "/change": NUMBER_HINT });
    isSending.current = true;
    const reply = isCounted ? await add(product, change, reason.trim(), key.current) : await edit({ service: "products", path: pathOf(product), before: { stock: null }, after: { stock: change }, label: `first stock of ${nameOf(product)}` });
    isSending.current = false;
    setErrors(reply.ok ? {} : byField(reply));
    if (!isUnanswered(reply)) key.current = randomName();
    if (!reply.ok) return undefined;
    setText("");
    return setReason("");
  };
  const said = [errors["/change"] ?? errors["/stock"], errors["/reason"], errors[""]].filter(Boolean);
  return html`<form class="tools stock" onSubmit=${send}>
    <label class="field">${isCounted ? "Add or take away" : "Count it from now"}
      <input class="short" inputmode="text" placeholder=${isCounted ? "+5 or −3" : "0"} value=${text} readOnly=${Boolean(fixed)} autocomplete="off" aria-invalid=${errors["/change"] || errors["/stock"] ? "true" : undefined} onInput=${typed(setText)} /></label>
    ${isCounted && html`<label class="field grow">Reason
      <input list="stock-reasons" value=${reason} readOnly=${Boolean(fixed)} maxlength="200" dir="auto" autocomplete="off" aria-invalid=${errors["/reason"] ? "true" : undefined} onInput=${typed(setReason)} /></label>
    <datalist id="stock-reasons">${USUAL.map((each) => html`<option key=${each} value=${each}></option>`)}</datalist>`}
    <button disabled=${Boolean(fixed) || !text.trim() || (isCounted && !reason.trim())} title=${fixed || undefined}>${isCounted ? "Change the stock" : "Count"}</button>
    ${isCounted && isNumber && html`<span class="dim number" role="status">${amount(product.stock)} → ${amount(product.stock + change)}</span>`}
    ${said.length > 0 && html`<p class="bad small" role="alert" dir="auto">${said.join(" ")}</p>`}
  </form>`;
}

/** Change the stock by the ledger; the undo is the opposite change, whatever was sold since. */
async function add(/** @type {any} */ product, /** @type {number} */ change, /** @type {string} */ reason, /** @type {string} */ key) {
  const path = `${pathOf(product)}/stock`;
  const reply = await ask(`/api/products${path}`, { method: "POST", body: { change, reason }, headers: { "Idempotency-Key": key } });
  if (reply.ok) remember({ label: `stock of ${nameOf(product)}, ${change > 0 ? "+" : ""}${change}`, steps: [{ service: "products", method: "POST", path, body: { change: -change, reason: `undo: ${reason}`.slice(0, 200) }, etag: "", key: randomName() }] });
  return reply;
}

/** @param {import("../api.js").Reply} reply @returns {Record<string, string>} */
function byField(reply) {
  const errors = reply.value?.errors ?? [];
  return errors.length ? Object.fromEntries(errors.map((/** @type {any} */ each) => [each.pointer ?? "", each.message])) : { "": reply.error };
}
