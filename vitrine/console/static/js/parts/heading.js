/** The head of a page: its title, one sentence about it, and its tools. */
import { useEffect } from "preact/hooks";
import { html } from "../html.js";
import { title as shown } from "../router.js";

/** @param {{title: string, text: any, children?: any}} props */
export const Heading = ({ title, text, children }) =>
  html`<div class="head">
    <div><h1>${title}</h1><p>${text}</p></div>
    ${children && html`<div class="tools">${children}</div>`}
  </div>`;

/** Name what is shown in the title of the tab. @param {string} name */
export function useTitle(name) {
  useEffect(() => {
    shown.set(name);
    return () => shown.set("");
  }, [name]);
}
