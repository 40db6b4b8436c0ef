/** Products, and one of them. */
import { Product } from "../product/form.js";
import { html } from "../html.js";
import { Heading } from "../parts/heading.js";
import { PhotoButton, PhotoDrop } from "../photos/photo_drop.js";
import { decoded } from "../format.js";
import { path } from "../router.js";
import { useValue } from "../value.js";

export function Page() {
  const ref = decoded(useValue(path).split("/")[2] ?? "");
  if (ref) return html`<${Product} ref=${ref} />`;
  return html`<${PhotoDrop}><${Heading} title="Products" text=""><a class="button main" href="/products/new">New product</a><${PhotoButton} /><//><//>`;
}
