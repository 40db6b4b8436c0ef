/** What can be undone now, where people see it: the label of the last edit and a button. */
import { html } from "../html.js";
import { useValue } from "../value.js";
import { edits, undo, undoing } from "./undo.js";

export function UndoButton() {
  const last = useValue(edits).at(-1);
  const isBusy = useValue(undoing);
  if (!last) return null;
  return html`<button type="button" class="undo" disabled=${isBusy} onClick=${() => undo()} title="Ctrl+Z">
    <span>${isBusy ? "Undoing" : "Undo"}: <span dir="auto">${last.label}</span></span><kbd>Ctrl+Z</kbd></button>`;
}
