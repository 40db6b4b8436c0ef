/** The addresses of the lists of products in the API. */

export const COLLECTION = "/api/products/products";
export const UNCOUNTED = { Prefer: "count=none" }; // The facets count; the rows do not wait for it.
const PER = 50; // rows of a page
const OURS = ["page", "per", "cursor", "fields", "facets"]; // what the page itself decides

/** What is counted of a list: the facets, and their names. */
export const FACETS = new Map(Object.entries({ brand: "Brand", category: "Category", stock: "Stock", price: "Price", tags: "Tags", status: "Status" }));

/** What filters a list, without its order and form. */
const NO_FILTERS = ["ordering", "collapse", "deleted", "q"];

/** The list that the address of the page asks for: both have the same parameters. @param {string} search  the query string of the page */
export function listOf(search) {
  const parameters = new URLSearchParams(search);
  for (const name of OURS) parameters.delete(name);
  return parameters;
}

/**
 * Return the address of a list with other parameters; an empty value leaves one out.
 * @param {URLSearchParams} list
 * @param {Record<string, string>} changes
 */
export function changed(list, changes) {
  const next = new URLSearchParams(list);
  for (const [name, value] of Object.entries(changes)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  return next;
}

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
