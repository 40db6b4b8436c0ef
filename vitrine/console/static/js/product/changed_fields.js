/** Fields with two values of each: before and after, or now and then. */
import { typed, typedPrice } from "../amounts.js";
import { html } from "../html.js";
import { labelOf, PRICES } from "../product_form/fields.js";

/** A value as people read it. @param {unknown} value */
export const readable = (value) =>
  value == null || value === "" ? "–" : Array.isArray(value) && value.every((each) => typeof each !== "object") ? value.map(typed).join(", ") || "–" : typeof value === "object" ? JSON.stringify(value) : typed(value);

/** @param {{changes: [string, {from: unknown, to: unknown}][], words?: [string, string]}} props  `words` are read before the values */
export function ChangedFields({ changes, words = ["before", "after"] }) {
  if (!changes.length) return html`<p>No field has another value than before.</p>`;
  return html`<dl class="diff">${changes.flatMap(([name, { from, to }]) => parts(name, from, to)).map(([name, from, to]) => html`<dt dir="auto">${name}</dt>
    <dd class="before" dir="auto"><span class="hidden">${words[0]}: </span>${readable(from)}</dd><dd class="after" dir="auto"><span class="hidden">${words[1]}: </span>${readable(to)}</dd>`)}</dl>`;
}

/** The members of an object that differ, else the value as a whole. @returns {[string, unknown, unknown][]} */
function parts(/** @type {string} */ name, /** @type {any} */ from, /** @type {any} */ to) {
  if (PRICES.includes(name)) return [[labelOf(name), typedPrice(from), typedPrice(to)]];
  const isObject = (/** @type {any} */ value) => value && typeof value === "object" && !Array.isArray(value);
  if (![from, to].every((value) => value == null || isObject(value)) || !(from || to)) return [[labelOf(name), from, to]];
  const members = [...new Set([...Object.keys(from ?? {}), ...Object.keys(to ?? {})])];
  const differing = members.filter((member) => JSON.stringify(from?.[member]) !== JSON.stringify(to?.[member]));
  return differing.map((member) => [member, from?.[member], to?.[member]]);
}
