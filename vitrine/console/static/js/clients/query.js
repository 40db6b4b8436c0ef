/** Which clients the list shows, as it stands in the address bar. */
import { replaceQuery } from "../router.js";

const PER = "50";

/** @type {Record<string, string>} orders of the list by what a person calls them */
export const ORDERS = { "": "number", name: "name", "-name": "name, backwards", city: "city", "-created_at": "newest", "-updated_at": "last changed" };

/** @typedef {{q: string, ordering: string, city: string, deleted: boolean}} View */

/** @param {string} search  the query string of the page @returns {View} */
export function viewOf(search) {
  const parameters = new URLSearchParams(search);
  const text = (/** @type {string} */ name) => parameters.get(name) ?? "";
  return { q: text("q"), ordering: text("ordering"), city: text("city"), deleted: text("deleted") === "only" };
}

/** Put another view into the address bar. @param {View} view */
export function showView({ q, ordering, city, deleted }) {
  const known = { q, ordering, city, deleted: deleted ? "only" : "" };
  replaceQuery(new URLSearchParams(Object.entries(known).filter(([, value]) => value)));
}

/** The first page of the list. The trash has an order of its own. @param {View} view */
export function pathOf({ q, ordering, city, deleted }) {
  const known = { q, city, ordering: deleted ? "" : ordering, deleted: deleted ? "only" : "", per: PER };
  return `/api/clients/clients?${new URLSearchParams(Object.entries(known).filter(([, value]) => value))}`;
}
