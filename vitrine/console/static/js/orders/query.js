/** What the board shows, as it stands in the address bar. */
import { replaceQuery } from "../router.js";
import { AT_WORK, STATES } from "./states.js";

const FIELDS = "id,external_ref,client_id,note,items,status,currency,total,units,placed_at";
const PER = "20";

/** @typedef {{states: string[], q: string, from: string, to: string}} View */

/** @param {string} search  the query string of the page @returns {View} */
export function viewOf(search) {
  const parameters = new URLSearchParams(search);
  const wanted = (parameters.get("states") ?? "").split(",");
  const states = STATES.filter((state) => wanted.includes(state));
  const text = (/** @type {string} */ name) => parameters.get(name) ?? "";
  return { states: states.length ? states : AT_WORK, q: text("q"), from: text("from"), to: text("to") };
}

/** Put another view into the address bar. @param {View} view */
export function showView({ states, q, from, to }) {
  const known = { states: states.join() === AT_WORK.join() ? "" : states.join(), q, from, to };
  replaceQuery(new URLSearchParams(Object.entries(known).filter(([, value]) => value)));
}

/** The first page of the orders of a state. @param {string} state @param {View} view */
export function pathOf(state, { q, from, to }) {
  const parameters = Object.entries({ status: state, q, from, to }).filter(([, value]) => value);
  return `/api/orders/orders?${new URLSearchParams([...parameters, ["ordering", "-placed_at"], ["per", PER], ["fields", FIELDS]])}`;
}
