/** One state on the board: its orders, the newest first, read again when orders change. */
import { useEffect, useId, useRef } from "preact/hooks";
import { duration, verdict } from "../format.js";
import { html } from "../html.js";
import { MoreRows, totalOf } from "../lists/more_rows.js";
import { useChanges } from "../lists/use_changes.js";
import { usePages } from "../lists/use_pages.js";
import { Notice } from "../parts/notice.js";
import { Pill } from "../parts/pill.js";
import { sentence } from "../parts/sentence.js";
import { Card, focusCard } from "./card.js";
import { MEANINGS } from "./states.js";

/**
 * @param {{state: string, path: string, round: number, selected: Map<number, any>, lit: Set<number>,
 *   onSelect: (orders: any[], isSelected: boolean) => void,
 *   onAct: (order: any, action: import("./states.js").Action, byKey: boolean) => Promise<boolean>}} props
 */
export function Column({ state, path, round, selected, lit, onSelect, onAct }) {
  const id = useId();
  const list = usePages(path);
  const last = useRef(-1); // the row that was selected before, where a range begins
  useChanges("orders", list.reload);
  useEffect(() => void (round && list.reload()), [round]);
  const orders = list.items ?? [];
  const count = orders.filter((order) => selected.has(order.id)).length;
  const select = (/** @type {number} */ at, /** @type {boolean} */ isRange) => {
    const isOn = !selected.has(orders[at].id);
    const from = isRange && last.current >= 0 ? Math.min(last.current, at) : at;
    const to = isRange && last.current >= 0 ? Math.max(last.current, at) : at;
    onSelect(orders.slice(from, to + 1), isOn);
    last.current = at;
  };
  const act = async (/** @type {any} */ order, /** @type {import("./states.js").Action} */ action, /** @type {boolean} */ byKey) => {
    const card = document.querySelector(`[data-order="${order.id}"]`);
    const beside = card?.nextElementSibling ?? card?.previousElementSibling;
    const isDone = await onAct(order, action, byKey);
    const isHere = !document.activeElement || document.activeElement === document.body || card?.contains(document.activeElement);
    if (isDone && isHere) focusCard(beside ?? undefined); // The card leaves this column.
  };
  return html`<section class="column" aria-labelledby=${id}>
    <header title=${MEANINGS[state]}>
      ${orders.length > 0 && html`<input type="checkbox" aria-label=${`Select all orders shown as ${state}`} checked=${count === orders.length}
        onClick=${() => onSelect(orders, count !== orders.length)} />`}
      <h2 id=${id}>${state}${" "}<span class="dim number">${totalOf(list.value)}</span></h2>
      ${list.reply?.ok && verdict(list.reply.cache).kind !== "none" && html`<a class="source" href=${`/trace/${list.reply.id}`} title=${`Read in ${duration(list.reply.ms)}; trace the request`}><${Pill} kind=${verdict(list.reply.cache).kind}>${verdict(list.reply.cache).kind}<//></a>`}
    </header>
    ${list.error && html`<${Notice} kind="bad" label="Not available.">${sentence(list.error)}<//>`}
    <ul class="order-cards">${orders.map((order, at) => html`<${Card} key=${order.id} order=${order} isSelected=${selected.has(order.id)} isLit=${lit.has(order.id)}
      onSelect=${(/** @type {boolean} */ isRange) => select(at, isRange)}
      onAct=${(/** @type {any} */ action, /** @type {boolean} */ byKey) => act(order, action, byKey)} />`)}</ul>
    ${!orders.length && !list.error && html`<p class="empty small">${list.items ? "No order." : "Reading the orders."}</p>`}
    <${MoreRows} list=${list} name=${`${state} orders`} one="order" />
  </section>`;
}
