/** What to do about a value that another product has: look at that one, or take a free value. */
import { html } from "../html.js";

/** @param {{problem: any, onUse: (value: string) => void}} props */
export function Remedy({ problem, onUse }) {
  const { owner, suggestion } = problem;
  return html`${owner && html`<a href=${owner}>Go to it</a>`} ${suggestion && html`<button type="button" class="link" onClick=${() => onUse(suggestion)}>Use <b dir="auto">${suggestion}</b></button>`}`;
}
