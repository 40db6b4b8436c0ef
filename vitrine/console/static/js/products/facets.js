/** The facets of the list: how many products have each value, to narrow the list by one click. */
import { amount } from "../amounts.js";
import { number } from "../format.js";
import { html } from "../html.js";
import { sentence } from "../parts/sentence.js";
import { SOLD_OUT } from "./filters.js";
import { FACETS } from "./paths.js";

const SHOWN = 6; // values before "more"
/** The filter of a facet, where it has another name. */
const FILTERS = { tags: "tag" };

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
  return html`<div class="all-facets" aria-busy=${isBusy}>${shown.map(([facet, { values, ranges, more }]) => html`<${Facet} key=${facet} name=${FACETS.get(facet) ?? facet.replace("attr.", "")}
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
