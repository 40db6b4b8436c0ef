/** A state as colour and word. */
import { verdict } from "../format.js";
import { html } from "../html.js";

/** @param {{kind: string, children?: any, title?: string}} props */
export const Pill = ({ kind, children, title }) =>
  html`<span class="pill ${kind}" title=${title}>${children}</span>`;

/**
 * What the cache said of an answer, by its `Cache-Status`.
 * @param {{status: string}} props
 */
export function CachePill({ status }) {
  const { kind, word } = verdict(status);
  return html`<${Pill} kind=${kind} title=${status || "The answer has no Cache-Status."}>${word}<//>`;
}

/** A dot and a word. @param {{kind: string, children?: any}} props */
export const Dot = ({ kind, children }) =>
  html`<span class=${`state ${kind}`}><span class="dot" aria-hidden="true"></span>${children}</span>`;
