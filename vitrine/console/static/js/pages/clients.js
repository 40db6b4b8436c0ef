/** Clients. */
import { html } from "../html.js";
import { Heading } from "../parts/heading.js";

export function Page() {
  return html`<${Heading} title="Clients" text="" />`;
}
