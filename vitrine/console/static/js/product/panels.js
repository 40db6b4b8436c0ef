/** What belongs to a product, beside its form: pictures, variants, stock, history, cache. */
import { html } from "../html.js";
import { Pictures } from "../photos/pictures.js";
import { CacheEntries } from "./cache_entries.js";
import { ProductHistory } from "./history.js";
import { Ledger } from "./ledger.js";
import { Variants } from "./variants.js";

/** @param {{product: any, round: number}} props  `round` counts the changes of the product */
export function Panels({ product, round }) {
  return html`<${Pictures} id=${product.id} round=${round} />
    <${Variants} product=${product} round=${round} />
    <${Ledger} product=${product} round=${round} />
    <${ProductHistory} product=${product} round=${round} />
    <${CacheEntries} product=${product} round=${round} />`;
}
