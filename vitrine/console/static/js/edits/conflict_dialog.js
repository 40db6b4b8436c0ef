/** The dialog of a conflict: for each field what it was, what is stored now, and what the reader wants. */
import { useState } from "preact/hooks";
import { shown } from "../format.js";
import { html } from "../html.js";
import { Dialog } from "../parts/dialog.js";
import { useValue } from "../value.js";
import { question } from "./conflict.js";

export function ConflictDialog() {
  const asked = useValue(question);
  return asked && html`<${Choices} key=${asked} asked=${asked} />`;
}

/** @param {{asked: NonNullable<ReturnType<typeof question.get>>}} props */
function Choices({ asked }) {
  const { title, choices, done } = asked;
  const [theirs, setTheirs] = useState(choices.map(() => false));
  return html`<${Dialog} title=${title} onClose=${() => done(null)}>
    <p>Choose for each field which value it gets.</p>
    <div class="choices">${choices.map(({ name, before, ...values }, at) => html`<fieldset key=${name}>
      <legend><code dir="auto">${name}</code></legend>
      <p class="dim">before: <span dir="auto">${shown(before)}</span></p>
      ${[
        { label: "theirs", value: values.theirs, isTheirs: true },
        { label: "yours", value: values.yours, isTheirs: false },
      ].map(({ label, value, isTheirs }) => html`<label class="check" key=${label}>
        <input type="radio" name=${`choice ${at}`} checked=${theirs[at] === isTheirs}
          onChange=${() => setTheirs(theirs.with(at, isTheirs))} /><span>${label}: <b dir="auto">${shown(value)}</b></span></label>`)}
    </fieldset>`)}</div>
    <div class="tools">
      <button type="button" onClick=${() => done(null)}>Keep theirs</button>
      <button type="button" class="main" onClick=${() => done(theirs)}>Save the chosen values</button>
    </div>
  <//>`;
}
