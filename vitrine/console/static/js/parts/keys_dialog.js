/** The list of keys. */
import { html } from "../html.js";
import { KEYS, keysShown } from "../keys.js";
import { useValue } from "../value.js";
import { Dialog } from "./dialog.js";

/** @param {{pages: {key: string, name: string}[]}} props */
export function KeysDialog({ pages }) {
  const close = () => keysShown.set(false);
  if (!useValue(keysShown)) return null;
  const toPages = pages.map(({ key, name }) => ({ keys: `g ${key}`, text: name }));
  return html`<${Dialog} title="Keys" onClose=${close}>
    <dl class="keys">${[...KEYS, ...toPages].map(({ keys, text }) => html`
      <dt>${keys.split(" ").map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${text}</dd>`)}
    </dl>
    <div class="tools"><button type="button" class="main" onClick=${close}>Close</button></div>
  <//>`;
}
