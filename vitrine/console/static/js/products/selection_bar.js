/** What can be done with the selected rows. The bar is there before, so that no row moves under the pointer. */
import { useState } from "preact/hooks";
import { counted, number } from "../format.js";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { actWith, Lazy } from "../parts/lazy.js";

const SCOPE = "products:write";
const loadBulk = () => import("../bulk/dialog.js");
const loadRestore = () => import("./restore.js");

/**
 * @param {{isEmpty: boolean, selected: Map<number, any>, total: number | null, isAtLeast: boolean, path: (fields: string[]) => string, brands: string[], isTrash: boolean,
 *   onClear: () => void, onWritten: () => void, onRestored: (ids: number[]) => void}} props
 */
export function SelectionBar({ isEmpty, selected, total, isAtLeast, path, brands, isTrash, onClear, onWritten, onRestored }) {
  const [isAll, setAll] = useState(false);
  const [isOpen, setOpen] = useState(false);
  const count = selected.size;
  const isIdle = !count && !isAll;
  if (isEmpty && !count && !isOpen) return null;
  const matching = total === null ? "" : `${isAtLeast ? "at least " : ""}${number(total)}`;
  const bring = () => actWith(loadRestore, ({ restore }) => restore([...selected.values()], onRestored));
  const edited = { source: isAll ? { path } : { items: [...selected.values()] }, count: isAll ? (isAtLeast ? null : total) : count, brands, onWritten };
  const more = isAll && count ? `Only the ${number(count)} selected` : `All ${matching} that match`;
  return html`<div class=${isIdle ? "selection idle" : "selection"} role="region" aria-label="Selected products">
    <p role="status">${isAll ? html`All <b>${matching}</b> that match` : html`<b>${counted(count, "product")}</b> selected`}</p>
    ${!isTrash && total !== null && total > count && html`<button type="button" aria-pressed=${isAll} onClick=${() => setAll(!isAll)}>${more}</button>`}
    ${isTrash ? html`<${Action} scope=${SCOPE} kind=${isIdle ? "" : "main"} disabled=${isIdle} onClick=${bring}>Restore ${counted(count, "product")}<//>`
      : html`<${Action} scope=${SCOPE} kind=${isIdle ? "" : "main"} disabled=${isIdle} onClick=${() => setOpen(true)}>Edit …<//>`}
    <button type="button" class="link" disabled=${isIdle} onClick=${() => {
      setAll(false);
      onClear();
    }}>Select none</button>
    ${isOpen && html`<${Lazy} load=${loadBulk} part="BulkDialog" props=${{ ...edited, onClose: () => setOpen(false) }} />`}
  </div>`;
}
