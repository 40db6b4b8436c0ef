/** A product that is stored: the form, and what belongs to it. */
import { useEffect, useState } from "preact/hooks";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { useTitle } from "../parts/heading.js";
import { Lazy } from "../parts/lazy.js";
import { Notice } from "../parts/notice.js";
import { Pill } from "../parts/pill.js";
import { sentence } from "../parts/sentence.js";
import { go } from "../router.js";
import { say } from "../said.js";
import { useDraft } from "../product_form/draft.js";
import { Editor } from "../product_form/editor.js";
import { nameOf, remove, save } from "./save.js";

// Beside the form, and below: they ask for more, so that they may come after it.
const loadPanels = () => import("./panels.js");
const TONES = { active: "good", draft: "warn", archived: "none" };

/**
 * @param {{asked: any, product: any, error: string, round: number, reload: () => void}} props
 *   `asked` is the reply with the product; `round` counts the changes of it
 */
export function Existing({ asked, product: read, error, round, reload }) {
  const [written, setWritten] = useState(/** @type {import("../api.js").Reply | null} */ (null));
  useEffect(() => setWritten(null), [read]); // What was read is newer.
  const current = written ?? asked;
  const product = written?.value ?? read;
  useTitle(nameOf(product));
  const drafting = useDraft(String(product.id));
  const write = async (/** @type {Record<string, unknown>} */ after) => {
    const reply = await save(product, current.ok ? current.etag : "", drafting.draft.before, after);
    if (reply.ok) {
      setWritten(reply);
      drafting.clear();
    } else if (reply.status === 412) {
      drafting.rebase(product); // The reader has seen what is stored, and may save again.
      reload();
    }
    return reply;
  };
  const discard = async () => {
    const reply = await remove(product, current.etag);
    if (!reply.ok) return say(reply.error);
    drafting.clear();
    return go("/products");
  };
  return html`<div class="head">
      <div><h1 dir="auto">${nameOf(product)}</h1>
        <p><a href="/products">All products</a> · <code>${product.id}</code> · <${Pill} kind=${/** @type {any} */ (TONES)[product.status] ?? "bad"}>${product.status}<//></p></div>
      <div class="tools"><${Action} scope="products:write" kind="danger" onClick=${discard}>Move to the trash<//></div>
    </div>
    ${error && html`<${Notice} kind="bad" label="Not read again.">${sentence(error)}<//>`}
    <div class="product">
      <${Editor} product=${product} reply=${current} drafting=${drafting} save=${write} />
      <div class="stack"><${Lazy} load=${loadPanels} part="Panels" props=${{ product, round }} /></div>
    </div>`;
}
