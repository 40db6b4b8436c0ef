/** A new product, from nothing or as a further variant of another one. */
import { useEffect } from "preact/hooks";
import { edit } from "../edits/edit.js";
import { html } from "../html.js";
import { Heading } from "../parts/heading.js";
import { go, query } from "../router.js";
import { useAsk } from "../use_ask.js";
import { useValue } from "../value.js";
import { useDraft } from "../product_form/draft.js";
import { Editor } from "../product_form/editor.js";
import { inputOf } from "../product_form/inputs.js";
import { create, nameOf, pathOf } from "./save.js";

// What variants of one thing mostly have in common.
const SHARED = ["name", "description", "category", "brand", "tags", "price", "compare_at_price", "currency", "tax_class", "weight", "attributes"];

export function NewProduct() {
  const source = new URLSearchParams(useValue(query)).get("variant_of") ?? "";
  return html`<${Form} key=${source} source=${source} />`;
}

/** @param {{source: string}} props  the id of the other variant; empty if there is none */
function Form({ source }) {
  const drafting = useDraft(source ? `new variant of ${source}` : "new");
  const { value: other } = useAsk(source && `/api/products/products/${encodeURIComponent(source)}`);
  useEffect(() => {
    if (!other || Object.keys(drafting.draft.inputs).length) return;
    const shared = SHARED.filter((name) => other[name] != null).map((name) => [name, inputOf(name, other[name])]);
    const options = inputOf("options", other.options).map((/** @type {any} */ row) => ({ ...row, values: [""] }));
    drafting.begin({ ...Object.fromEntries(shared), group: other.group ?? other.slug, options });
  }, [other]);
  const write = async (/** @type {Record<string, unknown>} */ after) => {
    if (other && !other.group && after.group === other.slug) {
      const grouped = await edit({ service: "products", path: pathOf(other), before: { group: null }, after: { group: other.slug }, label: `group of ${nameOf(other)}` });
      if (!grouped.ok) return grouped;
    }
    const reply = await create(after, drafting.draft.key);
    if (reply.ok) {
      drafting.clear();
      go(`/products/${reply.value.id}`);
    }
    return reply;
  };
  const text = other ? html`A variant of <a href=${`/products/${other.id}`} dir="auto">${nameOf(other)}</a>. Give it options of its own.` : html`<a href="/products">All products</a> · Pictures can be added when it is created.`;
  return html`<${Heading} title="New product" text=${text} />
    <div class="product single"><${Editor} product=${null} reply=${null} drafting=${drafting} save=${write} /></div>`;
}
