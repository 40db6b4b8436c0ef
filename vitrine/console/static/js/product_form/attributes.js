/** The attributes of a product: those that its category has rules for, then all others. */
import { html } from "../html.js";
import { useAsk } from "../use_ask.js";
import { amount } from "../amounts.js";
import { AddRow } from "./add_row.js";
import { asRuled, escaped, rowOf } from "./inputs.js";
import { said } from "./validation.js";
import { Values } from "./values.js";

/** @typedef {import("./inputs.js").Row} Row */
/** @typedef {import("./inputs.js").Rule} Rule */

/**
 * @param {{category: string, rows: Row[], onRows: (rows: Row[]) => void, errors: Record<string, string>, reason: string, isChanged: boolean}} props
 */
export function Attributes({ category, rows, onRows, errors, reason, isChanged }) {
  const { value, error } = useAsk(category ? `/api/categories/categories/${encodeURIComponent(category)}?fields=slug,name,all_attributes` : "");
  /** @type {Record<string, Rule>} */
  const rules = value?.all_attributes ?? {};
  const names = Object.keys(rules);
  const free = rows.filter(({ name }) => !names.includes(name));
  const put = (/** @type {Row} */ row, /** @type {Row | undefined} */ old) => onRows(old ? rows.map((each) => (each === old ? row : each)) : [...rows, row]);
  const own = said(Object.fromEntries(Object.entries(errors).filter(([place]) => place === "/attributes")), "/attributes");
  return html`<fieldset class=${`entries ${isChanged ? "changed" : ""}`}>
    <legend>Attributes ${value ? html`<span class="dim">by the rules of <a href=${`/categories/${value.slug}`} dir="auto">${value.name ?? value.slug}</a></span>` : category && error ? html`<span class="dim" dir="auto">${category} has no rules to show: ${error}</span>` : ""}</legend>
    ${names.map((name) => {
      const old = rows.find((row) => row.name === name);
      const rule = rules[name];
      const row = asRuled(old?.values.length ? old : rowOf(name, undefined), rule);
      return html`<${Values} key=${`rule ${name}`} row=${row} rule=${rule} hint=${hintOf(rule)} error=${errorOf(errors, name)} reason=${reason} onRow=${(/** @type {Row} */ next) => put(next, old)} />`;
    })}
    ${free.map((row) => html`<${Values} key=${`free ${row.name}`} row=${row} rule=${{}} hint="" error=${errorOf(errors, row.name)} reason=${reason}
      onRow=${(/** @type {Row} */ next) => put(next, row)} onRemove=${() => onRows(rows.filter((each) => each !== row))} />`)}
    ${own && html`<p class="bad small wide" role="alert">${own}</p>`}
    ${!reason && html`<${AddRow} what="attribute" taken=${rows.map(({ name }) => name)} onAdd=${(/** @type {Row} */ row) => onRows([...rows, row])} kinds />`}
  </fieldset>`;
}

/** @param {Record<string, string>} errors @param {string} name */
const errorOf = (errors, name) => said(errors, `/attributes/${escaped(name)}`);

/** Say what a rule demands. @param {Rule} rule */
function hintOf({ required, unit, min, max, type, choices }) {
  const bounds = min != null && max != null ? `${amount(min)} to ${amount(max)}` : min != null ? `at least ${amount(min)}` : max != null ? `at most ${amount(max)}` : "";
  const kind = type === "integer" && !choices ? "a whole number" : "";
  return [required && "required", kind, [bounds, bounds && unit].filter(Boolean).join(" ")].filter(Boolean).join(", ");
}
