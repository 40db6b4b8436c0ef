/** A button that shows and hides what is below. */
import { html } from "../html.js";

/** @param {{open: boolean, text?: string, name: string, onClick: () => void}} props  `name` is what it belongs to */
export function More({ open, text = "more", name, onClick }) {
  const word = open ? "less" : text;
  return html`<button type="button" class="link" aria-expanded=${open} aria-label=${`${word}: ${name}`} onClick=${onClick}>${word}</button>`;
}
