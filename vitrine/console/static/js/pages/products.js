/** Products: the list, and a page for each of them. */
import { decoded } from "../format.js";
import { html } from "../html.js";
import { Lazy } from "../parts/lazy.js";
import { ProductList } from "../products/list.js";
import { path } from "../router.js";
import { useValue } from "../value.js";

const loadProduct = () => import("../product/form.js");

export function Page() {
  const ref = decoded(useValue(path).split("/")[2] ?? "");
  return ref ? html`<${Lazy} load=${loadProduct} part="Product" title="Product" props=${{ ref }} />` : html`<${ProductList} />`;
}
