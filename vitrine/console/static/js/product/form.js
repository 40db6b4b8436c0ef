/** One product: its form, and beside it pictures, variants, stock, history and cache. */
import { useEffect, useState } from "preact/hooks";
import { edits } from "../edits/undo.js";
import { html } from "../html.js";
import { Heading } from "../parts/heading.js";
import { Notice } from "../parts/notice.js";
import { sentence } from "../parts/sentence.js";
import { useEvents } from "../stream.js";
import { useAsk } from "../use_ask.js";
import { useValue } from "../value.js";
import { Existing } from "./existing.js";
import { MissingProduct } from "./missing_product.js";
import { NewProduct } from "./new_product.js";

/**
 * @param {{ref: string}} props  an id or a slug, or "new"
 */
export function Product({ ref }) {
  return ref === "new" ? html`<${NewProduct} />` : html`<${Stored} key=${ref} ref=${ref} />`;
}

/** Read a product, and again when somebody changes it. @param {{ref: string}} props */
function Stored({ ref }) {
  const { reply, value, error, reload } = useAsk(`/api/products/products/${encodeURIComponent(ref)}`);
  const [round, setRound] = useState(0);
  const remembered = useValue(edits);
  useEvents("change", (events) => {
    if (events.some(({ service, id }) => service === "products" && value && id === value.id)) setRound((last) => last + 1);
  });
  useEffect(() => setRound((last) => last + 1), [remembered]);
  useEffect(() => void (round > 1 && reload()), [round]);
  if (reply?.status === 404) return html`<${MissingProduct} ref=${ref} onRestored=${reload} />`;
  if (!value?.id) {
    return html`<${Heading} title="Product" text=${error ? "" : "Reading the product."} />${error && html`<${Notice} kind="bad" label="Not available.">${sentence(error)}<//>`}`;
  }
  return html`<${Existing} key=${value.id} asked=${reply} product=${value} error=${error} round=${round} reload=${reload} />`;
}
