/** A button for an action of an order; disabled, with the reason, if the order or the token does not allow it. */
import { html } from "../html.js";
import { missing, session } from "../session.js";
import { useValue } from "../value.js";
import { ACTIONS, reasonAgainst } from "./states.js";

/** @param {{order: any, action: import("./states.js").Action, kind?: string, onAct: () => void}} props */
export function OrderAction({ order, action, kind = "", onAct }) {
  useValue(session);
  const { word } = ACTIONS[action];
  const reason = reasonAgainst(order.status, action) || missing("orders:write");
  return html`<button type="button" class=${kind} disabled=${Boolean(reason)} title=${reason || undefined}
    aria-label=${`${word} order ${order.id}${reason && `. ${reason}`}`} onClick=${onAct}>${word}</button>`;
}
