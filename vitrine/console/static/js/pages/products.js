/** Products: the list, and a page for each product. */
import { useEffect, useState } from "preact/hooks";
import { html } from "../html.js";
import { Notice } from "../parts/notice.js";
import { ProductList } from "../products/list.js";
import { path } from "../router.js";
import { decoded } from "../format.js";
import { useValue } from "../value.js";

export function Page() {
  const shown = useValue(path);
  const at = decoded(shown.replace(/^\/products\/?/, ""));
  return at ? html`<${One} key=${at} at=${at} />` : html`<${ProductList} />`;
}

/** The page of a product is loaded when one is opened. @param {{at: string}} props */
function One({ at }) {
  const [Product, setProduct] = useState(/** @type {any} */ (null));
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    import("../product/form.js").then(
      (module) => setProduct(() => module.Product),
      () => setFailed(true),
    );
  }, []);
  if (failed) return html`<${Notice} kind="bad" label="Not loaded.">Reload the page when the console answers again.<//>`;
  return Product ? html`<${Product} ref=${at} />` : html`<h1 class="hidden">Product</h1>`;
}
