/** The hook that counts the list: how many products match, and how many have each value of the facets. */
import { useEffect, useRef } from "preact/hooks";
import { edits } from "../edits/undo.js";
import { useAsk } from "../use_ask.js";
import { COLUMNS } from "./columns/columns.js";
import { countsPath, FACETS, filtersOf, pagePath } from "./paths.js";

const RULES = 4; // attributes of a category that are counted
const ANY = "*"; // any field of a product
const SEARCHED = ["name", "sku", "gtin", "brand", "tags", "group", "options", "attributes", "description", "category"];

/**
 * Count a list once its rows are there, and again after an edit, or an undo, that may change what is counted.
 * @param {URLSearchParams} list
 * @param {string[]} attributes  those that the category of the list has rules for
 * @param {boolean} isReady  true once the rows are there
 */
export function useCounts(list, attributes, isReady) {
  const isTrash = list.has("deleted");
  const facets = [...FACETS.keys(), ...attributes.slice(0, RULES).map((name) => `attr.${name}`)];
  const path = isTrash ? pagePath(list, ["id"]) : countsPath(list, facets);
  const begun = useRef("");
  if (isReady) begun.current = path; // Other columns read the rows again, but count nothing anew.
  const counts = useAsk(begun.current === path ? path : "");
  const isTooMany = counts.reply?.status === 400;
  const plain = useAsk(isTooMany ? pagePath(list, ["id"]) : "");
  const last = useRef(/** @type {any} */ (null));
  if (counts.value) last.current = counts.value.facets;
  const counted = useRef(/** @type {Set<string>} */ (new Set()));
  counted.current = fieldsCounted(list, facets);
  useEffect(() => {
    // The fields of each edit are noted when it is made: an undo takes its steps away one by one.
    let known = new Map(edits.get().map((edit) => [edit, fieldsOf(edit)]));
    return edits.watch((now) => {
      const before = known;
      known = new Map(now.map((edit) => [edit, before.get(edit) ?? fieldsOf(edit)]));
      const touched = [...[...known].filter(([edit]) => !before.has(edit)), ...[...before].filter(([edit]) => !known.has(edit))];
      const fields = touched.flatMap(([, each]) => each);
      const isCounted = (/** @type {string} */ field) => field === ANY || counted.current.has(ANY) || counted.current.has(field);
      if (fields.some(isCounted)) counts.reload();
    });
  }, [counts.reload]);
  const { total = null, total_is: totalIs } = counts.value ?? plain.value ?? {};
  return { facets: last.current, isCurrent: Boolean(counts.value), error: counts.error, total, totalIs, reload: counts.reload };
}

/** The fields by which a list is filtered, and those of its facets. @param {URLSearchParams} list @param {string[]} facets */
function fieldsCounted(list, facets) {
  const names = [...facets, ...filtersOf(list).map(([name]) => name.replace(/__[gl]te$/, "").replace(/^tag$/, "tags"))];
  const fields = names.map((name) => (name.startsWith("attr.") ? "attributes" : COLUMNS.some(({ id }) => id === name) ? name : ANY));
  return new Set([...fields, ...(list.has("q") ? SEARCHED : []), ...(list.has("collapse") ? ["group"] : [])]);
}

/** The fields of products that an edit has changed; any if it is unknown. @param {import("../edits/undo.js").Edit} edit @returns {string[]} */
function fieldsOf({ steps, batch, imported }) {
  if (!steps || batch || imported) return [ANY];
  return steps.filter(({ service }) => service === "products").flatMap(({ method, path, body }) => {
    if (method === "PATCH") return Object.keys(body ?? {});
    return path.endsWith("/stock") ? ["stock"] : [ANY];
  });
}
