/**
 * Several orders at once: what the selected ones allow, a confirmation that counts, and what was refused.
 *
 * The bar is there before the first one is selected, so that no card moves under the pointer.
 */
import { useRef, useState } from "preact/hooks";
import { counted } from "../format.js";
import { html } from "../html.js";
import { Confirm } from "../parts/confirm.js";
import { Notice } from "../parts/notice.js";
import { missing, session } from "../session.js";
import { useValue } from "../value.js";
import { actOnAll } from "./act.js";
import { ACTIONS, reasonAgainst } from "./states.js";

const LISTED = 20; // numbers of orders in a confirmation

/** @typedef {import("./states.js").Action} Action */

/** @param {{orders: any[], onClear: () => void, onDone: () => void}} props */
export function Bulk({ orders, onClear, onDone }) {
  useValue(session);
  const bar = useRef(/** @type {HTMLElement | null} */ (null));
  const [asked, setAsked] = useState(/** @type {Action | null} */ (null));
  const [progress, setProgress] = useState("");
  const [refused, setRefused] = useState(/** @type {{order: any, error: string}[]} */ ([]));
  const run = async (/** @type {Action} */ action) => {
    setAsked(null);
    setRefused([]);
    const count = orders.filter(({ status }) => !reasonAgainst(status, action)).length;
    setProgress(`0 of ${count}`);
    const result = await actOnAll(orders, action, (done) => setProgress(`${done} of ${count}`));
    setProgress("");
    setRefused(result.refused);
    onDone();
    // The button that had the focus is disabled by now.
    if (document.activeElement === document.body) bar.current?.focus();
  };
  const lacking = missing("orders:write");
  const actions = /** @type {Action[]} */ (Object.keys(ACTIONS));
  return html`<div class=${orders.length ? "order-bulk" : "order-bulk idle"} role="region" aria-label="Selected orders" tabindex="-1" ref=${bar}>
    <div class="bar">
      <b>${counted(orders.length, "order")} selected</b>
      <span class="tools">${actions.map((action) => html`<${Choice} key=${action} action=${action} orders=${orders} lacking=${lacking || (progress && "The last action is still running.")} onAsk=${() => setAsked(action)} />`)}
        <button type="button" class="link" disabled=${!orders.length} onClick=${onClear}>Select none</button></span>
      <span role="status">${progress}</span>
    </div>
    ${refused.length > 0 && html`<${Notice} kind="bad" label="Refused:" action=${html`<button type="button" class="link" onClick=${() => setRefused([])}>Close</button>`}>
      ${refused.map(({ order, error }) => html`<span key=${order.id}><a href=${`/orders/${order.id}`}>#${order.id}</a> ${error} </span>`)}<//>`}
    ${asked && html`<${Sure} action=${asked} orders=${orders.filter(({ status }) => !reasonAgainst(status, asked))} onYes=${() => run(asked)} onNo=${() => setAsked(null)} />`}
  </div>`;
}

/** A button with the number of orders that it is for. */
function Choice({ action, orders, lacking, onAsk }) {
  const { word, target } = ACTIONS[/** @type {Action} */ (action)];
  const count = orders.filter((/** @type {any} */ { status }) => !reasonAgainst(status, action)).length;
  const reason = lacking || (count ? "" : `None of them can become ${target} now.`);
  return html`<button type="button" class=${action === "ship" && count ? "main" : ""} disabled=${Boolean(reason)} title=${reason || undefined}
    aria-label=${`${word} ${count} of ${orders.length}${reason && `. ${reason}`}`} onClick=${onAsk}>${word} <span class="number">${count}</span></button>`;
}

/**
 * Asks before actions, which have no undo.
 * @param {{action: Action, orders: any[], onYes: () => void, onNo: () => void}} props
 */
export function Sure({ action, orders, onYes, onNo }) {
  const { word, target, ends } = ACTIONS[action];
  const numbers = orders.slice(0, LISTED).map(({ id }) => `#${id}`).join(", ");
  const others = orders.length - LISTED;
  const what = orders.length === 1 ? `order ${orders[0].id}` : counted(orders.length, "order");
  return html`<${Confirm} title=${`${word} ${what}`} yes=${`${word} ${what}`} onYes=${onYes} onNo=${onNo}>
    <p>${numbers}${others > 0 && ` and ${others} more`} become${orders.length === 1 ? "s" : ""} ${target}. ${ends}
      ${" "}This cannot be undone.</p>
  <//>`;
}
