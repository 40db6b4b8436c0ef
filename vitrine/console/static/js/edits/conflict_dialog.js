/** The dialog of a conflict: for each field what it was, what is stored now, and what the reader wants. */
import { useEffect, useState } from "preact/hooks";
import { shown } from "../format.js";
import { html } from "../html.js";
import { Dialog } from "../parts/dialog.js";
import { useValue } from "../value.js";
import { conflict } from "./conflict.js";

export function ConflictDialog() {
  const found = useValue(conflict);
  return found && html`<${Choices} key=${found.reply.id} found=${found} />`;
}

/** @param {{found: import("./conflict.js").Conflict & {done: (changes: Record<string, unknown> | null) => void}}} props */
function Choices({ found }) {
  const differing = Object.entries(found.reply.value.differing);
  const [theirs, setTheirs] = useState(/** @type {Record<string, boolean>} */ ({}));
  useEffect(() => setTheirs({}), [found]);
  const send = () =>
    found.done(Object.fromEntries(Object.entries(found.after).filter(([name]) => !theirs[name])));
  return html`<${Dialog} title="Somebody else changed this meanwhile" onClose=${() => found.done(null)}>
    <p>${found.path} is not as you read it. Choose for each field which value it gets.</p>
    <div class="choices">${differing.map(([name, { stored, sent }]) => html`<fieldset key=${name}>
      <legend><code>${name}</code></legend>
      <p class="dim">before: <span dir="auto">${shown(found.before[name])}</span></p>
      ${[
        { label: "theirs", value: stored, isTheirs: true },
        { label: "yours", value: sent, isTheirs: false },
      ].map(({ label, value, isTheirs }) => html`<label class="check" key=${label}>
        <input type="radio" name=${`conflict ${name}`} checked=${Boolean(theirs[name]) === isTheirs}
          onChange=${() => setTheirs({ ...theirs, [name]: isTheirs })} />${label}: <b dir="auto">${shown(value)}</b></label>`)}
    </fieldset>`)}</div>
    <div class="tools">
      <button type="button" onClick=${() => found.done(null)}>Keep theirs</button>
      <button type="button" class="main" onClick=${send}>Save the chosen values</button>
    </div>
  <//>`;
}
