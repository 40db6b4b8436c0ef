/** The head of a page: its title, one sentence about it, and its tools. */
import { html } from "../html.js";

/** @param {{title: string, text: any, children?: any}} props */
export const Heading = ({ title, text, children }) =>
  html`<div class="head">
    <div><h1>${title}</h1><p>${text}</p></div>
    ${children && html`<div class="tools">${children}</div>`}
  </div>`;
