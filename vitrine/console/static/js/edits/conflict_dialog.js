/** The dialog of a conflict: for each field what it was, what is stored now, and what the reader wants. */
import { useState } from "preact/hooks";
import { typed, typedPrice } from "../amounts.js";
import { counted } from "../format.js";
import { html } from "../html.js";
import { Dialog } from "../parts/dialog.js";
import { useValue } from "../value.js";
import { question } from "./question.js";

export function ConflictDialog() {
  const asked = useValue(question);
  return asked && html`<${Choices} key=${asked} asked=${asked} />`;
}

/** @param {{asked: NonNullable<ReturnType<typeof question.get>>}} props */
function Choices({ asked }) {
  const { title, choices, words, done } = asked;
  // Nothing is chosen beforehand: to keep and to replace what somebody else wrote are both decisions.
  const [theirs, setTheirs] = useState(() => choices.map(() => /** @type {boolean | null} */ (null)));
  const left = theirs.filter((each) => each === null).length;
  return html`<${Dialog} title=${title} onClose=${() => done(null)}>
    <p>Choose for each field which value it gets. <b>Keep theirs</b> loses nothing that somebody else wrote.</p>
    <div class="choices">${choices.map(({ name, before, ...values }, at) => html`<fieldset key=${name}>
      <legend><code dir="auto">${name}</code></legend>
      <p class="dim">${words.before}: <span dir="auto">${textOf(name, before)}</span></p>
      ${[
        { label: "theirs", value: values.theirs, isTheirs: true },
        { label: words.yours, value: values.yours, isTheirs: false },
      ].map(({ label, value, isTheirs }) => html`<label class="check" key=${label}>
        <input type="radio" name=${`choice ${at}`} checked=${theirs[at] === isTheirs}
          onChange=${() => setTheirs(theirs.with(at, isTheirs))} /><span>${label}: <b dir="auto">${textOf(name, value)}</b></span></label>`)}
    </fieldset>`)}</div>
    <div class="tools">
      <button type="button" class=${left ? "main" : ""} onClick=${() => done(null)}>Keep theirs</button>
      <button type="button" class=${left ? "" : "main"} disabled=${left > 0} title=${left ? `Choose a value for ${counted(left, "more field")}` : undefined}
        onClick=${() => done(theirs.map(Boolean))}>Save the chosen values</button>
    </div>
  <//>`;
}

/** The value of a field, such as "price" or "price of Teapot". @param {string} name @param {any} value */
const textOf = (name, value) => (/^(compare_at_)?price\b/.test(name) && value != null ? typedPrice(value) : readable(value));

/** A value as people read it, with the members of lists and objects. @param {any} value @returns {string} */
function readable(value) {
  if (Array.isArray(value)) return value.map(readable).join(", ") || "–";
  if (value && typeof value === "object") return Object.entries(value).map(([name, each]) => `${name}: ${readable(each)}`).join(", ") || "–";
  return typed(value) || "–";
}
