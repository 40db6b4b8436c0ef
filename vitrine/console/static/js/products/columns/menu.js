/** The button that opens the choice of the columns. */
import { useState } from "preact/hooks";
import { html } from "../../html.js";
import { Lazy } from "../../parts/lazy.js";

const load = () => import("./dialog.js");

/** @param {{attributes: string[]}} props  those of the category of the list */
export function ColumnMenu({ attributes }) {
  const [isOpen, setOpen] = useState(false);
  return html`<button type="button" aria-haspopup="dialog" onClick=${() => setOpen(true)}>Columns …</button>
    ${isOpen && html`<${Lazy} load=${load} part="ColumnDialog" props=${{ attributes, onClose: () => setOpen(false) }} />`}`;
}
