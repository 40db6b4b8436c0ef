/** The bar below the form: what has changed, and the buttons that save it or leave it. */
import { counted } from "../format.js";
import { html } from "../html.js";
import { labelOf } from "./fields.js";

const NAMED = 4; // fields

/**
 * @param {{changed: string[], isNew: boolean, isSaving: boolean, isAsking: boolean, faults: number, reason: string, onDiscard: () => void}} props
 */
export function SaveBar({ changed, isNew, isSaving, isAsking, faults, reason, onDiscard }) {
  const count = changed.length;
  const names = changed.slice(0, NAMED).map(labelOf).join(", ") + (count > NAMED ? " …" : "");
  const state = isSaving ? "Saving." : isAsking ? "Checking." : faults ? `${counted(faults, "value")} to correct.` : count ? "Ready to save." : "";
  return html`<div class="save-bar">
    <p><span>${count ? `${counted(count, "change")}: ${names}` : isNew ? "Write at least a name." : "Nothing has changed."}</span>
      ${" "}<span class=${faults && !isSaving && !isAsking ? "bad" : "dim"} role="status">${state}</span></p>
    <div class="tools">
      <button type="button" disabled=${!count || isSaving} onClick=${onDiscard}>Discard</button>
      <button class="main" disabled=${!count || isSaving || Boolean(reason)} title=${reason || "Ctrl+S"}>${isNew ? "Create" : "Save"}</button>
    </div>
  </div>`;
}
