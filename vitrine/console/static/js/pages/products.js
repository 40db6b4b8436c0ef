/** Products: the list, and a page for each of them. */
import { useEffect, useState } from "preact/hooks";
import { decoded } from "../format.js";
import { html } from "../html.js";
import { Notice } from "../parts/notice.js";
import { ProductList } from "../products/list.js";
import { path } from "../router.js";
import { useValue } from "../value.js";

export function Page() {
  const ref = decoded(useValue(path).split("/")[2] ?? "");
  return ref ? html`<${One} ref=${ref} />` : html`<${ProductList} />`;
}

/** The page of a product; its modules are loaded when the first one is opened. @param {{ref: string}} props */
function One({ ref }) {
  const [Product, setProduct] = useState(/** @type {any} */ (null));
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    import("../product/form.js").then(
      (module) => setProduct(() => module.Product),
      () => setFailed(true),
    );
  }, []);
  if (failed) return html`<${Notice} kind="bad" label="Not loaded.">Reload the page when the console answers again.<//>`;
  return Product ? html`<${Product} ref=${ref} />` : html`<h1 class="hidden">Product</h1>`;
}
