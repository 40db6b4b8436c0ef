/** The values of one attribute: as many inputs as it has values, of the kind that its rule names. */
import { useId } from "preact/hooks";
import { typed } from "../amounts.js";
import { html } from "../html.js";

/**
 * @param {{row: import("./inputs.js").Row, rule: import("./attributes.js").Rule, hint: string, error: string, reason: string, single?: boolean, onRow: (row: any) => void, onRemove?: () => void}} props
 */
export function Values({ row, rule, hint, error, reason, single = false, onRow, onRemove }) {
  const id = useId();
  const set = (/** @type {number} */ at, /** @type {string} */ text) => onRow({ ...row, values: row.values.map((value, index) => (index === at ? text : value)) });
  const about = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;
  const isFixed = Boolean(reason) || row.kind === "other";
  const canHaveMore = !isFixed && !single && row.kind !== "boolean" && row.values.at(-1)?.trim();
  return html`<div class="entry" role="group" aria-labelledby=${`${id}-name`}>
    <span id=${`${id}-name`}><span dir="auto">${row.name}</span>${rule.unit && html` <span class="dim" dir="auto">in ${rule.unit}</span>`}</span>
    ${row.values.map((value, at) => {
      const label = row.values.length > 1 ? `${row.name}, value ${at + 1}` : row.name;
      const props = { value, "aria-label": label, "aria-invalid": error ? "true" : undefined, "aria-describedby": about };
      return html`<div class="value" key=${at}>
        ${inputFor(row, rule, props, isFixed, (/** @type {any} */ event) => set(at, event.target.value))}
        ${!isFixed && row.values.length > 1 && html`<button type="button" class="link" aria-label=${`Remove ${label}`} onClick=${() => onRow({ ...row, values: row.values.filter((_, index) => index !== at) })}>Remove</button>`}
        ${!isFixed && at === 0 && row.values.length === 1 && onRemove && html`<button type="button" class="link" aria-label=${`Remove ${row.name}`} onClick=${onRemove}>Remove</button>`}
      </div>`;
    })}
    ${(hint || canHaveMore) && html`<span class="under">
      ${hint && html`<span class="dim small" id=${`${id}-hint`}>${hint}</span>`}
      ${canHaveMore && html`<button type="button" class="link" aria-label=${`One more value of ${row.name}`} onClick=${() => onRow({ ...row, values: [...row.values, ""] })}>one more</button>`}
    </span>`}
    ${error && html`<span class="bad small" id=${`${id}-error`} dir="auto">${error}</span>`}
  </div>`;
}

/** @param {import("./inputs.js").Row} row @param {import("./attributes.js").Rule} rule @param {any} props @param {boolean} isFixed @param {(event: any) => void} onInput */
function inputFor(row, rule, props, isFixed, onInput) {
  if (rule.choices || row.kind === "boolean") {
    const known = rule.choices?.map(typed) ?? ["true", "false"];
    const choices = props.value && !known.includes(props.value) ? [props.value, ...known] : known;
    const words = /** @type {Record<string, string>} */ (row.kind === "boolean" ? { true: "yes", false: "no" } : {});
    return html`<select ...${props} disabled=${isFixed} onChange=${onInput}>
      <option value="">–</option>${choices.map((choice) => html`<option key=${choice} value=${choice}>${words[choice] ?? choice}</option>`)}</select>`;
  }
  return html`<input ...${props} readOnly=${isFixed} inputmode=${row.kind === "number" ? "decimal" : undefined} dir="auto" autocomplete="off" onInput=${onInput} />`;
}
