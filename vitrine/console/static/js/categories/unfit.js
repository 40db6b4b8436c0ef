/** The products that do not fit the rules of their category today: why, an example, and a list where a filter can show them. */
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api.js";
import { number } from "../format.js";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { Panel } from "../parts/panel.js";

/** @param {{item: any, isAsked: boolean}} props  `item` is the whole category; `isAsked` after a change by which some do not fit */
export function Unfit({ item, isAsked }) {
  const [reply, setReply] = useState(/** @type {import("../api.js").Reply | null} */ (null));
  const [busy, setBusy] = useState(false);
  const look = async () => {
    setBusy(true);
    // A dry run with the rules as they are: nothing is written.
    const options = { method: "PATCH", body: { attributes: item.attributes ?? {} } };
    setReply(await ask(`/api/categories/categories/${encodeURIComponent(item.id)}?dry_run=1`, options));
    setBusy(false);
  };
  useEffect(() => void (isAsked && look()), [isAsked, item.revision, item.path?.join()]);
  if (!Object.keys(item.all_attributes ?? {}).length) return null;
  const tools = html`<${Action} scope="categories:write" disabled=${busy} onClick=${look}>Look for them<//>`;
  return html`<${Panel} title="Products that do not fit the rules" tools=${tools} reply=${reply} error=${reply?.error ?? ""}>
    <div role="status">${reply?.ok ? html`<${Found} item=${item} found=${reply.value} />` : html`<p class="dim">${busy ? "Looking at its products." : "Rules are checked when a product is written, so those that were stored before may not fit."}</p>`}</div>
  <//>`;
}

function Found({ item, found }) {
  if (!found.misfits) return html`<p class="good">${found.products ? `All ${number(found.products)} products fit.` : "It has no products."}</p>`;
  const browse = `/products?category=${encodeURIComponent(item.slug)}`;
  const misfits = Object.entries(found.attributes).filter(([, each]) => each.misfits);
  return html`<p><b class="warn">${number(found.misfits)} of ${number(found.products)} ${found.products === 1 ? "product" : "products"} ${found.misfits === 1 ? "does" : "do"} not fit.</b></p>
    <ul class="plain">${misfits.map(([name, each]) => html`<li key=${name}><code dir="auto">${name}</code>: ${number(each.misfits)}. <span dir="auto">${each.message}</span>
      ${each.example && html`${" "}<a href=${each.example}>an example</a>`}${outside(name, item.all_attributes[name]).map(({ text, query }) => html`, <a key=${text} href=${`${browse}&${query}`}>${text}</a>`)}</li>`)}</ul>
    <p class="dim small">No filter can list those of another type, without a value, or with a value that is not a choice. In <a href=${browse}>the list of the category</a>, choose the column of the attribute, or a value of its facet.</p>`;
}

/**
 * The lists of products whose whole number is out of the bounds of a rule.
 * @param {string} name @param {import("../product_form/inputs.js").Rule | undefined} rule
 */
function outside(name, { type, min, max, unit = "" } = {}) {
  if (type !== "integer") return [];
  const list = (/** @type {string} */ word, /** @type {number | undefined} */ bound, /** @type {string} */ end, /** @type {number} */ step) =>
    bound == null ? [] : [{ text: `those ${word} ${number(bound)} ${unit}`.trim(), query: new URLSearchParams({ [`attr.${name}__${end}`]: String(bound + step) }) }];
  return [...list("below", min, "lte", -1), ...list("above", max, "gte", 1)];
}
