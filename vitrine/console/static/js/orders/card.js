/** One order on the board: who, how much, what, and its next step. */
import { amount, moment, price } from "../amounts.js";
import { html } from "../html.js";
import { letterOf } from "../keys.js";
import { useItem } from "../lists/items.js";
import { briefly } from "./days.js";
import { OrderAction } from "./order_action.js";
import { nextOf } from "./states.js";

/**
 * @param {{order: any, isSelected: boolean, isLit: boolean, onSelect: (isRange: boolean) => void,
 *   onAct: (action: import("./states.js").Action, byKey: boolean) => void}} props
 */
export function Card({ order, isSelected, isLit, onSelect, onAct }) {
  const next = nextOf(order.status);
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof HTMLAnchorElement)) return;
    if (event.key.startsWith("Arrow")) moveFocus(/** @type {HTMLElement} */ (event.currentTarget), event.key);
    else if (event.key === " ") onSelect(event.shiftKey);
    else if (letterOf(event) === "n" && next) onAct(next, true);
    else if (letterOf(event) === "x") onAct("cancel", true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<li class=${`order-card ${isLit ? "lit" : ""} ${isSelected ? "selected" : ""}`} data-order=${order.id} onKeyDown=${press}>
    <div class="bar">
      <input type="checkbox" aria-label=${`Select order ${order.id}`} checked=${isSelected}
        onClick=${(/** @type {any} */ event) => onSelect(event.shiftKey)} />
      <a href=${`/orders/${order.id}`}>#${order.id}</a>
      <b class="number">${price(order.total, order.currency)}</b>
    </div>
    <${Who} order=${order} />
    <p class="small dim what"><${What} order=${order} /></p>
    ${order.note && html`<p class="small note" dir="auto">${order.note}</p>`}
    <div class="bar"><span class="time small" title=${moment(order.placed_at)}>${briefly(order.placed_at)}</span>
      <span class="tools">${order.status in LEAVES && html`<${OrderAction} order=${order} action="cancel" kind="link" onAct=${() => onAct("cancel", false)} />`}
        ${next && html`<${OrderAction} order=${order} action=${next} onAct=${() => onAct(next, false)} />`}</span>
    </div>
  </li>`;
}

const LEAVES = { placed: true, paid: true, shipped: true }; // states from which a person expects to cancel

/** The client of an order. */
function Who({ order }) {
  const client = useItem("clients", order.client_id);
  if (order.client_id == null) return html`<p class="dim">no client</p>`;
  return html`<p dir="auto">${client?.name ?? `client ${order.client_id}`}</p>`;
}

/** The products of an order in a few words. @param {{order: any, most?: number}} props */
export function What({ order: { items, units }, most = 2 }) {
  const lines = (Array.isArray(items) ? items : []).filter((/** @type {any} */ line) => !line.kind);
  const others = lines.length - most;
  return html`${lines.slice(0, most).map((/** @type {any} */ line, /** @type {number} */ at) => html`${at ? ", " : ""}${amount(line.quantity)} × <bdi>${line.name ?? line.sku ?? `product ${line.product_id}`}</bdi>`)}
    ${others > 0 && `, and ${others} more`}${units != null && lines.length > 1 && ` (${amount(units)} pieces)`}`;
}

/** Go to the card above, below or beside. @param {HTMLElement} card @param {string} key */
function moveFocus(card, key) {
  const cards = (/** @type {Element | null | undefined} */ column) => [...(column?.querySelectorAll(".order-card") ?? [])];
  const column = card.closest(".column");
  const at = cards(column).indexOf(card);
  const isNext = key === "ArrowDown" || key === "ArrowRight";
  if (key === "ArrowUp" || key === "ArrowDown") return focusCard(cards(column)[at + (isNext ? 1 : -1)]);
  let beside = column;
  do beside = (isNext ? beside?.nextElementSibling : beside?.previousElementSibling) ?? null;
  while (beside && !cards(beside).length);
  return focusCard(cards(beside)[Math.min(at, cards(beside).length - 1)]);
}

/** @param {Element | undefined} card */
export const focusCard = (card) => card?.querySelector("a")?.focus();
