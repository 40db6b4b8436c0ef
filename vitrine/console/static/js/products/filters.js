/** The filters of the list, each with a way to take it off. */
import { html } from "../html.js";
import { filtersOf } from "./paths.js";

export const SOLD_OUT = "sold out";

/** @param {{list: URLSearchParams, onShow: (changes: Record<string, string>) => void}} props */
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
