/** A panel: its title and tools, its content, and at its foot where the content comes from. */
import { useId } from "preact/hooks";
import { duration } from "../format.js";
import { html } from "../html.js";
import { say } from "../said.js";
import { curl, powershell } from "./copy.js";
import { Icon } from "./icon.js";
import { Notice } from "./notice.js";
import { CachePill } from "./pill.js";
import { sentence } from "./sentence.js";

/** @typedef {import("../api.js").Reply} Reply */

/**
 * @param {{title: string, note?: any, tools?: any, reply?: Reply | null, error?: string, fill?: boolean, children?: any}} props  `fill`: the content reaches the edges, as tables do
 */
export function Panel({ title, note, tools, reply, error, fill, children }) {
  const id = useId();
  return html`<section class="panel" aria-labelledby=${id}>
    <header><h2 id=${id}>${title}${note && html`${" "}<span class="dim">${note}</span>`}</h2>${tools}</header>
    ${error && html`<div class="body"><${Notice} kind="bad" label="Not available.">${sentence(error)}<//></div>`}
    <div class=${fill ? "fill" : "body"}>${children}</div>
    ${reply && html`<${Source} reply=${reply} title=${title} />`}
  </section>`;
}

/** Cache-Status, Server-Timing and request id of an answer, and its request as a command. */
function Source({ reply, title }) {
  return html`<footer>
    <${CachePill} status=${reply.cache} />
    <span class="number" title="Until the page had the answer">${duration(reply.ms)}</span>
    ${reply.timing && html`<code title="Server-Timing">${timings(reply.timing)}</code>`}
    ${reply.id && html`<a href=${`/trace/${reply.id}`} title="Trace this request"><code>${reply.id}</code></a>`}
    <span class="tools">
      <${CopyButton} text=${() => curl(reply.request)} name="curl" of=${title} />
      <${CopyButton} text=${() => powershell(reply.request)} name="PowerShell" of=${title} />
    </span>
  </footer>`;
}

/** @param {{text: () => string, name: string, of: string}} props */
function CopyButton({ text, name, of }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      say(`Copied as ${name}, without the token.`);
    } catch {
      say(`The browser does not allow copying. The command is: ${text()}`);
    }
  };
  return html`<button type="button" class="link" onClick=${copy} aria-label=${`Copy ${of} as ${name}`}>
    <${Icon} name="copy" />${name}
  </button>`;
}

/** Return a Server-Timing as a person writes it: "cache 0.3 ms, total 2.1 ms". @param {string} header */
function timings(header) {
  return header
    .split(",")
    .map((part) => {
      const [name, ...parameters] = part.trim().split(";");
      const spent = /dur=([\d.]+)/.exec(parameters.join(";"))?.[1];
      return spent ? `${name} ${duration(Number(spent))}` : name;
    })
    .join(", ");
}
