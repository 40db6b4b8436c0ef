/** Why an answer was no hit: who invalidated it, and how long before. */
import { duration } from "../format.js";
import { html } from "../html.js";

/** @param {{because: any}} props */
export function Because({ because }) {
  if (!because) return null;
  if (because.code === "write" && because.request_id) {
    return html`<a href=${`/trace/${because.request_id}`} title="Trace this request">
      ${because.method && html`<code>${because.method} ${because.path}</code>${" "}`}${because.by && html`by <b dir="auto">${because.by}</b>`}</a>${before(because)}`;
  }
  if (because.code === "outside") return html`<b class="warn">an edit in MongoDB itself</b>${before(because)}`;
  if (because.code === "first") return html`<span class="dim" title=${because.text}>asked for the first time</span>`;
  return html`<span class="dim" dir="auto">${because.text || "invalidated by a write that the console has not seen"}</span>`;
}

/** @param {any} because */
const before = (because) =>
  because.ms_before == null ? null : html`<span class="dim">, ${duration(because.ms_before)} before</span>`;
