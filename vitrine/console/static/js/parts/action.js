/** A button that is disabled without the scope it needs, and says so. */
import { html } from "../html.js";
import { missing, session } from "../session.js";
import { useValue } from "../value.js";

/**
 * @param {{scope: string, onClick?: () => void, type?: "button" | "submit", kind?: string, disabled?: boolean, label?: string, children?: any}} props
 */
export function Action({ scope, onClick, type = "button", kind = "", disabled = false, label, children }) {
  useValue(session);
  const reason = missing(scope);
  return html`<button type=${type} class=${kind} disabled=${disabled || Boolean(reason)} title=${reason || undefined}
    aria-label=${label && reason ? `${label}. ${reason}` : label} onClick=${onClick}>${children}</button>`;
}
