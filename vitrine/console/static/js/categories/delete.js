/** Delete a category: what becomes of its products is asked, and its children go elsewhere first. */
import { useState } from "preact/hooks";
import { ask } from "../api.js";
import { remember } from "../edits/undo.js";
import { counted } from "../format.js";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { Dialog } from "../parts/dialog.js";
import { Notice } from "../parts/notice.js";
import { CategorySearch } from "./search.js";

/** @param {{item: any, etag: string, onClose: () => void, onDeleted: () => void}} props */
export function DeleteDialog({ item, etag, onClose, onDeleted }) {
  const [refusal, setRefusal] = useState(/** @type {import("../api.js").Reply | null} */ (null));
  const [target, setTarget] = useState(/** @type {any} */ (null));
  const path = `/categories/${encodeURIComponent(item.id)}`;
  const remove = async (/** @type {string} */ query) => {
    const reply = await ask(`/api/categories${path}${query}`, { method: "DELETE", headers: etag ? { "If-Match": etag } : {} });
    if (!reply.ok) return setRefusal(reply);
    remember({ label: `removal of ${item.name}`, steps: [{ service: "categories", method: "POST", path: `${path}/restore`, etag: "" }] });
    onDeleted();
    return undefined;
  };
  const { children = 0, products = 0 } = refusal?.value ?? {};
  const hasProducts = products > 0 && children === 0;
  return html`<${Dialog} title=${`Delete ${item.name}`} onClose=${onClose}>
    ${!refusal && html`<p><b dir="auto">${item.name}</b> goes to the trash. Ctrl+Z brings it back.</p>`}
    ${refusal && children > 0 && html`<${Notice} kind="warn" label="It has categories.">Move or delete the ${counted(children, "category", "categories")} below it first.<//>`}
    ${refusal && !children && !hasProducts && html`<${Notice} kind="bad" label="Not deleted.">${refusal.error}<//>`}
    ${hasProducts && html`<p>${counted(products, "product")} ${products === 1 ? "belongs" : "belong"} to it. Where do they go? An undo restores the category, not the place of its products.</p>
      <${CategorySearch} label="Move them to …" keep=${true} onPick=${setTarget} />`}
    <div class="tools">
      <button type="button" onClick=${onClose}>Cancel</button>
      ${hasProducts ? html`
        <${Action} scope="categories:write" onClick=${() => remove("?products=detach")}>Leave them without<//>
        <${Action} scope="categories:write" kind="main" disabled=${!target} onClick=${() => remove(`?move_to=${encodeURIComponent(target.slug)}`)}>Move and delete<//>`
      : html`<${Action} scope="categories:write" kind="main" disabled=${children > 0} onClick=${() => remove("")}>Delete<//>`}
    </div>
  <//>`;
}
