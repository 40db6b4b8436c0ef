/**
 * Sends the first request of the page. It imports little, so it runs while the other modules of the
 * page are loaded, and the answer is often there before them.
 */
import { sendEarly } from "./early.js";
import { fieldsOf, keptColumns } from "../products/columns/fields.js";
import { COLLECTION, listOf, pagePath, UNCOUNTED } from "../products/paths.js";

const [, page, ref] = location.pathname.split("/");
if (page === "products" && !document.hidden) {
  const list = listOf(location.search);
  if (!ref) sendEarly(pagePath(list, fieldsOf(keptColumns(), list.has("deleted"))), UNCOUNTED);
  else if (ref !== "new") sendEarly(`${COLLECTION}/${ref}`);
}
