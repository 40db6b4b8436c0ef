/** A further attribute or option: its name, and for attributes what kind of value it has. */
import { useState } from "preact/hooks";
import { html } from "../html.js";

const KINDS = [
  ["text", "text"],
  ["number", "number"],
  ["boolean", "yes or no"],
];

/** @param {{what: string, taken: string[], onAdd: (row: any) => void, kinds?: boolean}} props */
export function AddRow({ what, taken, onAdd, kinds = false }) {
  const [name, setName] = useState("");
  const [kind, setKind] = useState("text");
  const plain = name.trim();
  const isTaken = taken.includes(plain);
  const add = () => {
    if (!plain || isTaken) return;
    onAdd({ name: plain, kind, values: [""], isList: false });
    setName("");
  };
  const keyed = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault(); // Enter would send the form.
    add();
  };
  return html`<div class="add wide">
    <input aria-label=${`Name of another ${what}`} placeholder=${`Another ${what}`} value=${name} dir="auto" autocomplete="off" onKeyDown=${keyed}
      onInput=${(/** @type {any} */ event) => setName(event.target.value)} />
    ${kinds && html`<select aria-label="Kind of its value" value=${kind} onChange=${(/** @type {any} */ event) => setKind(event.target.value)}>
      ${KINDS.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}</select>`}
    <button type="button" disabled=${!plain || isTaken} onClick=${add}>Add</button>
    ${isTaken && html`<span class="dim small">It is there.</span>`}
  </div>`;
}
