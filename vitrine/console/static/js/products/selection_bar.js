/** What can be done with the selected rows. */
import { useState } from "preact/hooks";
import { BulkDialog } from "../bulk/dialog.js";
import { MOST } from "../bulk/read.js";
import { counted, number } from "../format.js";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { restore } from "./restore.js";

const SCOPE = "products:write";

/**
 * @param {{selected: Map<number, any>, total: number | null, isAtLeast: boolean, path: (fields: string[]) => string, brands: string[], isTrash: boolean,
 *   onClear: () => void, onWritten: () => void, onRestored: (ids: number[]) => void}} props
 */
export function SelectionBar({ selected, total, isAtLeast, path, brands, isTrash, onClear, onWritten, onRestored }) {
  const [isAll, setAll] = useState(false);
  const [isOpen, setOpen] = useState(false);
  const count = selected.size;
  if (!count && !isOpen) return null;
  const matching = total === null ? "" : `${isAtLeast ? "at least " : ""}${number(total)}`;
  const bring = () => restore([...selected.values()], onRestored);
  return html`<div class="selection" role="region" aria-label="Selected products">
    <p role="status">${isAll ? html`All <b>${matching}</b> that match` : html`<b>${counted(count, "product")}</b> selected`}</p>
    ${!isTrash && total !== null && total > count && html`<button type="button" aria-pressed=${isAll} onClick=${() => setAll(!isAll)}>${isAll ? `Only the ${number(count)} selected` : `All ${matching} that match`}</button>`}
    ${isTrash ? html`<${Action} scope=${SCOPE} kind="main" onClick=${bring}>Restore ${counted(count, "product")}<//>`
      : html`<${Action} scope=${SCOPE} kind="main" onClick=${() => setOpen(true)}>Edit …<//>`}
    <button type="button" class="link" onClick=${() => {
      setAll(false);
      onClear();
    }}>Select none</button>
    ${isOpen && html`<${BulkDialog} source=${isAll ? { path } : { items: [...selected.values()] }} count=${isAll ? (isAtLeast ? null : Math.min(Number(total), MOST)) : count} brands=${brands}
      onClose=${() => setOpen(false)} onWritten=${onWritten} />`}
  </div>`;
}
