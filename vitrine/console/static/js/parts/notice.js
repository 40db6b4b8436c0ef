/** One sentence about what is not well, and the remedy beside it. */
import { html } from "../html.js";

/**
 * @param {{kind?: "good" | "warn" | "bad" | "plain", label?: string, children?: any, action?: any, live?: boolean}} props
 */
export function Notice({ kind = "plain", label, children, action, live = true }) {
  return html`<div class="notice ${kind}" role=${live ? "status" : undefined}>
    <p>${label && html`<span class="label">${label}</span>${" "}`}${children}</p>
    ${action}
  </div>`;
}
