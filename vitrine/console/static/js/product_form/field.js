/** One field of the form: its label, its input, a hint, and what the API says about it. */
import { useId } from "preact/hooks";
import { html } from "../html.js";
import { CategoryInput } from "./category_input.js";

/**
 * @param {{field: import("./fields.js").Field, input: string, onInput: (input: string) => void, error: string, isChanged: boolean, reason: string, remedy?: any}} props
 *   `reason` is why it cannot be changed; `remedy` stands beside the error
 */
export function Field({ field, input, onInput, error, isChanged, reason, remedy }) {
  const id = useId();
  const { label, hint, unit } = field;
  const about = [isChanged && `${id}-changed`, hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;
  const props = {
    id,
    name: field.name,
    value: input,
    readOnly: Boolean(reason),
    "aria-invalid": error ? "true" : undefined,
    "aria-describedby": about,
    onInput: (/** @type {any} */ event) => onInput(event.target.value),
  };
  return html`<div class=${`entry ${field.wide ? "wide" : ""} ${isChanged ? "changed" : ""}`}>
    <label for=${id}>${label}${unit && html` <span class="dim">in ${unit}</span>`}</label>
    ${isChanged && html`<span class="hidden" id=${`${id}-changed`}>changed</span>`}
    ${inputFor(field, props, Boolean(reason))}
    ${hint && html`<span class="dim small" id=${`${id}-hint`}>${hint}</span>`}
    ${error && html`<span class="bad small" id=${`${id}-error`} dir="auto">${error} ${remedy}</span>`}
  </div>`;
}

/** @param {import("./fields.js").Field} field @param {any} props @param {boolean} isFixed */
function inputFor({ kind, choices = [] }, props, isFixed) {
  if (kind === "long") return html`<textarea ...${props} rows="5" dir="auto"></textarea>`;
  if (kind === "number") return html`<input ...${props} inputmode="decimal" autocomplete="off" />`;
  if (kind === "category") return html`<${CategoryInput} ...${props} />`;
  if (kind !== "choice") return html`<input ...${props} dir="auto" autocomplete="off" />`;
  const { readOnly: _, onInput, ...rest } = props;
  return html`<select ...${rest} disabled=${isFixed} onChange=${onInput}>
    ${(choices.includes(props.value) ? choices : [props.value, ...choices]).map((choice) => html`<option key=${choice} value=${choice}>${choice}</option>`)}
  </select>`;
}
