/** Who has made a change: a link to the trace of the request, or that it was made by hand. */
import { html } from "../html.js";
import { Pill } from "../parts/pill.js";

const BY_HAND = "outside the API"; // the author of an edit in MongoDB itself

/** True for an edit in MongoDB itself. @param {any} change  of the feed or of a history */
export const isByHand = (change) => Boolean(change.outside) || change.by === BY_HAND;

/** @param {any} change  of the feed or of a history */
export function Author(change) {
  if (isByHand(change)) return html`<${Pill} kind="warn" title="The document was changed in MongoDB itself">by hand, in MongoDB<//>`;
  const name = html`<span dir="auto">${change.by ?? "–"}</span>`;
  return change.request_id ? html`<a href=${`/trace/${change.request_id}`} title="Trace the request">${name}</a>` : name;
}
