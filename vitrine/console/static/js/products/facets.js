/** The facets of the list: how many products have each value, to narrow the list by one click. */
import { amount } from "../amounts.js";
import { number } from "../format.js";
import { html } from "../html.js";
import { sentence } from "../parts/sentence.js";
import { filtersOf } from "./query.js";

const SHOWN = 6; // values before "more"
const NAMES = { brand: "Brand", category: "Category", tags: "Tags", status: "Status", price: "Price", stock: "Stock" };
/** The filter of a facet, where it has another name. */
const FILTERS = { tags: "tag" };
export const FACETS = Object.keys(NAMES);

/** @param {string} facet */
const filterOf = (facet) => /** @type {any} */ (FILTERS)[facet] ?? facet;

/**
 * @param {{facets: any, error: string, list: URLSearchParams, onShow: (changes: Record<string, string>) => void}} props
 */
export function Facets({ facets, error, list, onShow }) {
  if (error) return html`<p class="dim small">${sentence(error)}</p>`;
  if (!facets) return html`<p class="dim small">Counting.</p>`;
  const shown = Object.entries(facets).filter(([, { values, ranges }]) => (values ?? ranges).length > 0);
  return html`${shown.map(([facet, { values, ranges, more }]) => html`<${Facet} key=${facet} name=${/** @type {any} */ (NAMES)[facet] ?? facet.replace("attr.", "")}
    options=${values ? values.map((/** @type {any} */ each) => ofValue(facet, each)) : ranges.map((/** @type {any} */ each) => ofRange(facet, each))} more=${more} list=${list} onShow=${onShow} />`)}
    ${!shown.length && html`<p class="dim small">Nothing to narrow the list by.</p>`}`;
}

/** @typedef {{text: string, count: number, changes: Record<string, string>}} Option */

/** @param {string} facet @param {any} value @returns {Option} */
const ofValue = (facet, { value, count }) => ({ text: typeof value === "number" ? amount(value) : String(value), count, changes: { [filterOf(facet)]: String(value) } });

/** @param {string} facet @param {any} range @returns {Option} */
const ofRange = (facet, { from, to, count }) => ({
  text: from === to ? amount(from) : `${amount(from)} – ${amount(to)}`,
  count,
  changes: { [`${facet}__gte`]: String(from), [`${facet}__lte`]: String(to) },
});

function Facet({ name, options, more, list, onShow }) {
  const [first, others] = [options.slice(0, SHOWN), options.slice(SHOWN)];
  const Item = (/** @type {Option} */ { text, count, changes }) => {
    const isOn = Object.entries(changes).every(([key, value]) => list.get(key) === value);
    const next = isOn ? Object.fromEntries(Object.keys(changes).map((key) => [key, ""])) : changes;
    return html`<li key=${text}><button type="button" class="facet" aria-pressed=${isOn} onClick=${() => onShow(next)}>
      <span dir="auto">${text}</span><span class="number dim">${number(count)}</span></button></li>`;
  };
  return html`<section class="facets"><h3 dir="auto">${name}</h3>
    <ul>${first.map(Item)}</ul>
    ${others.length > 0 && html`<details><summary class="small">${number(others.length)} more</summary><ul>${others.map(Item)}</ul>
      ${more && html`<p class="dim small">There are others; search for them.</p>`}</details>`}
  </section>`;
}

/** The filters that are set, each with a way to take it off. @param {{list: URLSearchParams, onShow: (changes: Record<string, string>) => void}} props */
export function Filters({ list, onShow }) {
  const filters = filtersOf(list);
  if (!filters.length) return null;
  const none = Object.fromEntries(filters.map(([name]) => [name, ""]));
  return html`<ul class="chips" aria-label="Filters">${filters.map(([name, value]) => html`<li key=${name + value}><button type="button"
      onClick=${() => onShow({ [name]: "" })}><span class="hidden">Remove the filter </span><span class="dim">${named(name)} </span><span dir="auto">${value}</span><span aria-hidden="true">×</span></button></li>`)}
    ${filters.length > 1 && html`<li><button type="button" class="link" onClick=${() => onShow(none)}>Remove all</button></li>`}</ul>`;
}

/** @param {string} name */
const named = (name) => name.replace("__gte", " from").replace("__lte", " to").replace(/^attr\./, "");
