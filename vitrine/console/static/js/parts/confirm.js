/** Asks before something that cannot be taken back. */
import { html } from "../html.js";
import { Dialog } from "./dialog.js";

/** @param {{title: string, yes: string, onYes: () => void, onNo: () => void, children?: any}} props */
export function Confirm({ title, yes, onYes, onNo, children }) {
  return html`<${Dialog} title=${title} onClose=${onNo}>
    <div>${children}</div>
    <div class="tools">
      <button type="button" onClick=${onNo}>Cancel</button>
      <button type="button" class="main" onClick=${onYes}>${yes}</button>
    </div>
  <//>`;
}
