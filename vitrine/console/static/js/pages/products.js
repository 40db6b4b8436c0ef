/** Products: the list, and a page for each of them. */
import { decoded } from "../format.js";
import { html } from "../html.js";
import { Lazy, loadPart } from "../parts/lazy.js";
import { path } from "../router.js";
import { useValue } from "../value.js";

// The server finds these two lines, and names the modules of the one that a URL needs.
const loadAll = () => import("../products/list.js");
const loadOne = () => import("../product/form.js");

/** @param {string} shown  the path of the page */
const refOf = (shown) => decoded(shown.split("/")[2] ?? "");

/** Load the part that is shown at first. */
export const loadFirst = () => loadPart(refOf(path.get()) ? loadOne : loadAll);

export function Page() {
  const ref = refOf(useValue(path));
  return ref
    ? html`<${Lazy} key="one" load=${loadOne} part="Product" title="Product" props=${{ ref }} />`
    : html`<${Lazy} key="all" load=${loadAll} part="ProductList" title="Products" />`;
}
