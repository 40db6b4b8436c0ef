/** Sentences of the services: what stands between backticks is a command or a name. */
import { html } from "../html.js";

/** @param {string} text */
export const sentence = (text) => text.split("`").map((part, at) => (at % 2 ? html`<code>${part}</code>` : part));
