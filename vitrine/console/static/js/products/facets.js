/** The facets of the list: how many products have each value, to narrow the list by one click. */
import { amount } from "../amounts.js";
import { number } from "../format.js";
import { html } from "../html.js";
import { sentence } from "../parts/sentence.js";
import { filtersOf } from "./query.js";

const SHOWN = 6; // values before "more"
const NAMES = { brand: "Brand", category: "Category", stock: "Stock", price: "Price", tags: "Tags", status: "Status" };
/** The filter of a facet, where it has another name. */
const FILTERS = { tags: "tag" };
const SOLD_OUT = "sold out";
export const FACETS = Object.keys(NAMES);

/** @param {string} facet */
const filterOf = (facet) => /** @type {any} */ (FILTERS)[facet] ?? facet;

/**
 * The facets of the list before stay until the next ones are counted, so that a button keeps the focus.
 * @param {{facets: any, isBusy: boolean, error: string, list: URLSearchParams, onShow: (changes: Record<string, string>) => void}} props
 */
export function Facets({ facets, isBusy, error, list, onShow }) {
  if (error) return html`<p class="dim small">${sentence(error)}</p>`;
  if (!facets) return html`<p class="dim small">Counting.</p>`;
  const shown = Object.entries(facets).filter(([, { values, ranges }]) => (values ?? ranges).length > 0);
  return html`<div class="all-facets" aria-busy=${isBusy}>${shown.map(([facet, { values, ranges, more }]) => html`<${Facet} key=${facet} name=${/** @type {any} */ (NAMES)[facet] ?? facet.replace("attr.", "")}
    options=${values ? values.map((/** @type {any} */ each) => ofValue(facet, each)) : ofRanges(facet, ranges)} more=${more} list=${list} onShow=${onShow} />`)}
    ${!shown.length && html`<p class="dim small">Nothing to narrow the list by.</p>`}</div>`;
}

/** @typedef {{text: string, count: number | null, changes: Record<string, string>}} Option */

/** @param {string} facet @param {any} value @returns {Option} */
const ofValue = (facet, { value, count }) => ({ text: typeof value === "number" ? amount(value) : String(value), count, changes: { [filterOf(facet)]: String(value) } });

/** @param {string} facet @param {any} range @returns {Option} */
const ofRange = (facet, { from, to, count }) => ({
  text: from === to ? amount(from) : `${amount(from)} – ${amount(to)}`,
  count,
  changes: { [`${facet}__gte`]: String(from), [`${facet}__lte`]: String(to) },
});

/** The ranges of a facet; of the stock, what is sold out always stands alone. @param {string} facet @param {any[]} ranges @returns {Option[]} */
function ofRanges(facet, ranges) {
  if (facet !== "stock" || ranges[0].from > 0) return ranges.map((each) => ofRange(facet, each));
  const others = ranges.filter(({ to }) => to > 0);
  const isMixed = others.some(({ from }) => from <= 0);
  const count = ranges.filter(({ to }) => to <= 0).reduce((sum, each) => sum + each.count, 0);
  return [{ text: SOLD_OUT, count: isMixed ? null : count, changes: { stock__gte: "", stock__lte: "0" } }, ...others.map((each) => ofRange(facet, each))];
}

function Facet({ name, options, more, list, onShow }) {
  const [first, others] = [options.slice(0, SHOWN), options.slice(SHOWN)];
  const Item = (/** @type {Option} */ { text, count, changes }) => {
    const isOn = Object.entries(changes).every(([key, value]) => (list.get(key) ?? "") === value);
    const next = isOn ? Object.fromEntries(Object.keys(changes).map((key) => [key, ""])) : changes;
    return html`<li key=${text}><button type="button" class="facet" aria-pressed=${isOn} onClick=${() => onShow(next)}>
      <span dir="auto">${text}</span><span class="number dim">${count === null ? "" : number(count)}</span></button></li>`;
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
  return html`<ul class="chips" aria-label="Filters">${chipsOf(filters).map(({ name, text, off }) => html`<li key=${name + text}><button type="button"
      onClick=${() => onShow(Object.fromEntries(off.map((each) => [each, ""])))}><span class="hidden">Remove the filter </span><span class="dim">${name} </span><span dir="auto">${text}</span><span aria-hidden="true">×</span></button></li>`)}
    ${filters.length > 1 && html`<li><button type="button" class="link" onClick=${() => onShow(none)}>Remove all</button></li>`}</ul>`;
}

/** @typedef {{name: string, text: string, off: string[]}} Chip  `off` are the filters that it takes off */

/** What people read of the filters: the two ends of a range are one. @param {[string, string][]} filters @returns {Chip[]} */
function chipsOf(filters) {
  const values = new Map(filters);
  return filters.flatMap(([name, value]) => {
    const field = name.replace(/__[gl]te$/, "");
    const [from, to] = [values.get(`${field}__gte`), values.get(`${field}__lte`)];
    const shown = field.replace(/^attr\./, "");
    if (name === "stock__lte" && value === "0" && !Number(from)) return [{ name: shown, text: SOLD_OUT, off: ["stock__gte", "stock__lte"] }];
    if (from === undefined || to === undefined || field === name) return [{ name: named(name), text: value, off: [name] }];
    const text = from === to ? from : `${from} – ${to}`;
    return name.endsWith("__gte") ? [] : [{ name: shown, text, off: [`${field}__gte`, name] }];
  });
}

/** @param {string} name */
const named = (name) => name.replace("__gte", " from").replace("__lte", " to").replace(/^attr\./, "");
