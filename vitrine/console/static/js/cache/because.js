/** Why an answer was no hit: who invalidated it, and how long before. */
import { html } from "../html.js";

/** @param {{because: any}} props */
export function Because({ because }) {
  if (!because) return null;
  const rest = html`<span class="dim">${because.text.slice(because.cause.length)}</span>`;
  if (because.code === "write" && because.request_id) {
    return html`<a href=${`/trace/${because.request_id}`} title="Trace this request">
      ${because.method && html`<code>${because.method} ${because.path}</code>${" "}`}${because.by && html`by <b dir="auto">${because.by}</b>`}</a>${rest}`;
  }
  if (because.code === "outside") return html`<b class="warn">${because.cause}</b>${rest}`;
  if (because.code === "first") return html`<span class="dim" title=${because.text}>${because.cause}</span>`;
  return html`<span class="dim" dir="auto">${because.text}</span>`;
}
