/** The foot of a list: how much of it is shown, and the way to the rest. */
import { counted, number } from "../format.js";
import { html } from "../html.js";

/** @param {{list: any, name: string, one: string, many?: string}} props  `name` is the list, for screen readers */
export function MoreRows({ list, name, one, many }) {
  const count = list.items?.length ?? 0;
  if (!list.next) return null;
  if (list.isFull) return html`<p class="more dim">The first ${counted(count, one, many)} are shown. Narrow the list to see others.</p>`;
  return html`<div class="more"><button type="button" aria-label=${`Show more: ${name}`} onClick=${list.showMore}>Show more</button>
    <span class="dim">${number(count)} of ${totalOf(list.value)}</span></div>`;
}

/** The number of items of a list, as far as the service has counted them. @param {any} value */
export function totalOf(value) {
  if (value?.total == null || value.total_is === "unknown") return "–";
  return value.total_is === "at_least" ? `more than ${number(value.total)}` : number(value.total);
}
