/** The group of a product, and the options by which it differs from the other variants. */
import { html } from "../html.js";
import { AddRow } from "./add_row.js";
import { Field } from "./field.js";
import { escaped } from "./inputs.js";
import { said } from "./validation.js";
import { Values } from "./values.js";

/** @type {import("./fields.js").Field} */
const GROUP = { name: "group", label: "Group", kind: "text", hint: "A slug that all variants of one thing have." };

/**
 * @param {{group: string, onGroup: (text: string) => void, rows: import("./inputs.js").Row[], onRows: (rows: any[]) => void, errors: Record<string, string>, reason: string, changed: Set<string>}} props
 */
export function Options({ group, onGroup, rows, onRows, errors, reason, changed }) {
  const own = errors["/options"];
  return html`<fieldset class=${`entries ${changed.has("options") ? "changed" : ""}`}>
    <legend>As a variant</legend>
    <${Field} field=${GROUP} input=${group} onInput=${onGroup} error=${said(errors, "/group")} isChanged=${changed.has("group")} reason=${reason} />
    ${rows.map((row) => html`<${Values} key=${row.name} row=${row} rule=${{}} hint="" error=${said(errors, `/options/${escaped(row.name)}`)} reason=${reason} single
      onRow=${(/** @type {any} */ next) => onRows(rows.map((each) => (each === row ? next : each)))} onRemove=${() => onRows(rows.filter((each) => each !== row))} />`)}
    ${own && html`<p class="bad small wide" role="alert" dir="auto">${own}</p>`}
    ${!reason && html`<${AddRow} what="option" taken=${rows.map(({ name }) => name)} onAdd=${(/** @type {any} */ row) => onRows([...rows, row])} />`}
  </fieldset>`;
}
