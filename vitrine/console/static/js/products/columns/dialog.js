/** Chooses the columns; the choice is kept in the tab. */
import { html } from "../../html.js";
import { Dialog } from "../../parts/dialog.js";
import { useValue } from "../../value.js";
import { choose, chosen, COLUMNS } from "./columns.js";

/** @param {{attributes: string[], onClose: () => void}} props  those of the category of the list */
export function ColumnDialog({ attributes, onClose }) {
  const ids = useValue(chosen);
  const own = ids.filter((id) => id.startsWith("attr.")).map((id) => id.slice("attr.".length));
  const all = [...new Set([...own, ...attributes])].map((name) => ({ id: `attr.${name}`, name }));
  const toggle = (/** @type {string} */ id) => choose(ids.includes(id) ? ids.filter((each) => each !== id) : [...ids, id]);
  const Choice = (/** @type {{id: string, name: string}} */ { id, name }) => html`<label class="check" key=${id}><input type="checkbox" checked=${ids.includes(id)} onChange=${() => toggle(id)} /><span dir="auto">${name}</span></label>`;
  const add = (/** @type {any} */ event) => {
    event.preventDefault();
    const field = event.target.elements.attribute;
    if (field.value.trim()) choose([...new Set([...ids, `attr.${field.value.trim()}`])]);
    field.value = "";
  };
  return html`<${Dialog} title="Columns" onClose=${onClose}>
      <div class="checks">${COLUMNS.filter(({ id }) => id !== "name").map(Choice)}</div>
      <h3>Attributes</h3>
      ${all.length > 0 && html`<div class="checks">${all.map(Choice)}</div>`}
      <form class="tools" onSubmit=${add}><label class="field">Name of an attribute<input name="attribute" dir="auto" /></label><button>Add</button></form>
      <div class="tools"><button type="button" class="main" onClick=${onClose}>Close</button></div>
  <//>`;
}
