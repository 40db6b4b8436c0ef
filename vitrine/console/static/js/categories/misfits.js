/** How many products would not fit the attribute rules of a change, and why the first ones. */
import { number } from "../format.js";
import { html } from "../html.js";

/** @param {{found: {products: number, misfits: number, new_misfits: number, attributes: Record<string, any>}}} props */
export function Misfits({ found }) {
  const before = found.misfits - found.new_misfits;
  const already = before > 0 ? ` ${number(before)} ${before === 1 ? "does" : "do"} not fit today.` : "";
  if (!found.products) return html`<span class="dim">It has no products.</span>`;
  if (!found.new_misfits) return html`<span class="good">${found.products === 1 ? "Its product" : `All ${number(found.products)} products`} would fit as before.</span>${already}`;
  const rules = Object.entries(found.attributes).filter(([, each]) => each.new_misfits);
  return html`<b class="warn">${number(found.new_misfits)} ${found.new_misfits === 1 ? "product" : "products"} would not fit.</b>${already}
    <span class="dim small"> They stay as they are until they are edited.</span>
    <ul class="plain small">${rules.map(([name, each]) => html`<li key=${name}><code dir="auto">${name}</code>: ${number(each.new_misfits)}. <span dir="auto">${each.message}</span>
      ${each.example && html`${" "}<a href=${each.example}>an example</a>`}</li>`)}</ul>`;
}
