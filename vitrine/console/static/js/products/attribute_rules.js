/** The attribute rules of the categories of the shown products, by which their cells are edited. */
import { ask } from "../api.js";
import { forEachOf } from "../edits/patient.js";
import { listen } from "../stream.js";

/** @typedef {Record<string, import("../product_form/inputs.js").Rule>} Rules  by the name of the attribute */

/** @type {Map<string, Promise<Rules>>} by category */
const asked = new Map();
/** @type {Map<string, Rules>} those that have come */
const known = new Map();

listen("change", (events) => {
  if (!events.some(({ service }) => service === "categories")) return;
  asked.clear();
  known.clear();
});

/**
 * Read the rules of a category, once until a category changes. Without an answer there are none: the
 * service checks each value again when it is written.
 * @param {string | null} category @returns {Promise<Rules>}
 */
export function readRules(category) {
  if (!category) return Promise.resolve({});
  const coming = asked.get(category) ?? read(category);
  asked.set(category, coming);
  return coming;
}

/** Read the rules of the categories of some products, so that they are there when a cell is edited. @param {any[]} items */
export const prepareRules = (items) =>
  forEachOf([...new Set(items.map(({ category }) => category))], async (category) => (await readRules(category), ""));

/** @param {string} category @returns {Promise<Rules>} */
async function read(category) {
  const reply = await ask(`/api/categories/categories/${encodeURIComponent(category)}?fields=all_attributes`);
  if (!reply.ok) asked.delete(category);
  const rules = reply.value?.all_attributes ?? {};
  if (reply.ok) known.set(category, rules);
  return rules;
}

/** The rule of an attribute, if it has come already. @param {string | null} category @param {string} name */
export const knownRule = (category, name) => known.get(category ?? "")?.[name] ?? {};
