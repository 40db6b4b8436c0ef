/** The list of keys. */
import { html } from "../html.js";
import { KEYS, keysShown, PAGE_KEYS } from "../keys.js";
import { pageOf } from "../pages.js";
import { path } from "../router.js";
import { useValue } from "../value.js";
import { Dialog } from "../parts/dialog.js";

/** @param {{pages: {key: string, name: string}[]}} props */
export function KeysDialog({ pages }) {
  const close = () => keysShown.set(false);
  const shown = useValue(path);
  if (!useValue(keysShown)) return null;
  const here = PAGE_KEYS[pageOf(shown)?.path ?? ""] ?? [];
  const toPages = pages.map(({ key, name }) => ({ keys: `g ${key}`, text: name }));
  return html`<${Dialog} title="Keys" onClose=${close}>
    <dl class="keys">${[...here, ...KEYS, ...toPages].map(({ keys, text }) => html`
      <dt>${keys.split(" ").map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${text}</dd>`)}
    </dl>
    <div class="tools"><button type="button" class="main" onClick=${close}>Close</button></div>
  <//>`;
}
