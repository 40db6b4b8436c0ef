/** The list that the address of the page asks for, as a request of the API: they have the same parameters. */
import { go, query, replaceQuery } from "../router.js";
import { useValue } from "../value.js";

export const COLLECTION = "/api/products/products";
const PER = 50; // rows of a page
const OURS = ["page", "per", "cursor", "fields", "facets"]; // what the page itself decides

/** What filters a list, without its order and form. */
const NO_FILTERS = ["ordering", "collapse", "deleted", "q"];

/** @returns {URLSearchParams} the parameters of the address that are about the list */
export function useList() {
  const parameters = new URLSearchParams(useValue(query));
  for (const name of OURS) parameters.delete(name);
  return parameters;
}

/**
 * Return the address of a list with other parameters; an empty value leaves one out.
 * @param {URLSearchParams} list
 * @param {Record<string, string>} changes
 */
function changed(list, changes) {
  const next = new URLSearchParams(list);
  for (const [name, value] of Object.entries(changes)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  return next;
}

/** Show another list, with a step for the browser's back. @param {URLSearchParams} list @param {Record<string, string>} changes */
export const show = (list, changes) => go(`/products?${changed(list, changes)}`);

/** The same without a step, while somebody types. @param {URLSearchParams} list @param {Record<string, string>} changes */
export const showMeanwhile = (list, changes) => replaceQuery(changed(list, changes));

/** @param {URLSearchParams} list @param {string[]} fields */
export const pagePath = (list, fields) => `${COLLECTION}?${changed(list, { per: String(PER), fields: fields.join() })}`;

/** @param {URLSearchParams} list @param {string[]} facets */
export const countsPath = (list, facets) => `${COLLECTION}?${changed(list, { per: "1", fields: "id", facets: facets.join() })}`;

/**
 * Return the path to go through all products that match, those of groups one by one.
 * @param {URLSearchParams} list @param {string[]} fields
 */
export function wholePath(list, fields) {
  const ordering = list.get("ordering") || (list.get("q") ? "name" : ""); // Only an ordered search has a cursor.
  return `${COLLECTION}?${changed(list, { per: "100", fields: fields.join(), collapse: "", ordering })}`;
}

/** The filters of a list: name and value. @param {URLSearchParams} list @returns {[string, string][]} */
export const filtersOf = (list) => [...list].filter(([name]) => !NO_FILTERS.includes(name));
