/** The fields that the rows of the grid need, and which columns are chosen. */

const KEY = "vitrine.products.columns";
const USUAL = ["images", "sku", "price", "stock", "status", "category", "brand"];
/** Fields that every row needs: those of edits of many rows, too. */
const ALWAYS = ["id", "revision", "slug", "name", "price", "currency", "stock", "status", "category", "brand", "tags", "group", "options"];
export const ATTRIBUTE = "attr."; // the beginning of the id of a column that shows an attribute

/** The ids of the chosen columns, kept in the tab. @returns {string[]} */
export function keptColumns() {
  try {
    const ids = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    return Array.isArray(ids) ? ids : USUAL;
  } catch {
    return USUAL;
  }
}

/** @param {string[]} ids */
export const keepColumns = (ids) => sessionStorage.setItem(KEY, JSON.stringify(ids));

/** The fields that columns read, always in the same order. @param {string[]} ids @param {boolean} isTrash @returns {string[]} */
export function fieldsOf(ids, isTrash) {
  const own = ids.map((id) => (id.startsWith(ATTRIBUTE) ? "attributes" : id)).sort();
  return [...new Set([...ALWAYS, ...own, ...(isTrash ? ["deleted_at"] : [])])];
}
