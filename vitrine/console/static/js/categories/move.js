/** Before a move: how many products move, which would not fit, and which cached lists are invalidated. */
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api.js";
import { edit } from "../edits/edit.js";
import { counted, number } from "../format.js";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { Dialog } from "../parts/dialog.js";
import { Notice } from "../parts/notice.js";
import { missing } from "../session.js";
import { Misfits } from "./misfits.js";

const PAGES = 5; // pages of keys that are looked at
const COUNT = 1000; // keys of a page

/**
 * @param {{item: any, target: any, onClose: () => void, onMoved: (path: string[], leavesMisfits: boolean) => void}} props
 *   `target` is the new parent; null for the top level
 */
export function MoveDialog({ item, target, onClose, onMoved }) {
  const [preview, setPreview] = useState(/** @type {any} */ (null));
  const [lists, setLists] = useState(/** @type {any} */ (null));
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const path = `/categories/${encodeURIComponent(item.id)}`;
  const after = { parent: target?.slug ?? null };
  useEffect(() => {
    const stop = new AbortController();
    const options = { method: "PATCH", body: after, signal: stop.signal };
    ask(`/api/categories${path}?dry_run=1`, options).then(
      (reply) => (reply.ok ? setPreview(reply.value) : setError(reply.error)),
      () => {},
    );
    invalidated(item, target, stop.signal).then(setLists, () => {});
    return () => stop.abort();
  }, []);
  const move = async () => {
    setBusy(true);
    const reply = await edit({ service: "categories", path, before: { parent: item.parent ?? null }, after, label: `move of ${item.name}` });
    setBusy(false);
    if (!reply.ok) return setError(reply.error);
    onMoved(reply.value?.path ?? [item.slug], preview.misfits > 0);
    return undefined;
  };
  return html`<${Dialog} title=${`Move ${item.name}`} onClose=${onClose}>
    <p><b dir="auto">${item.name}</b> goes ${target ? html`under <b dir="auto">${target.name}</b>` : "to the top level"}, with all that is below it.</p>
    ${error && html`<${Notice} kind="bad" label="Not possible.">${error}<//>`}
    ${!error && html`<div role="status">${preview ? html`<${Preview} preview=${preview} lists=${lists} />` : html`<p class="dim">Looking at its products.</p>`}</div>`}
    <div class="tools">
      <button type="button" onClick=${onClose}>Cancel</button>
      <${Action} scope="categories:write" kind="main" disabled=${!preview || Boolean(error) || busy} onClick=${move}>Move<//>
    </div>
  <//>`;
}

function Preview({ preview, lists }) {
  return html`<ul class="plain">
    <li>${preview.products ? html`<b class="number">${number(preview.products)}</b>` : "No"} ${preview.products === 1 ? "product moves" : "products move"}.</li>
    ${preview.products > 0 && html`<li><${Misfits} found=${preview} /></li>`}
    ${lists && html`<li>${lists.gone ? html`<b class="number">${number(lists.gone)}</b>` : "No"} cached ${lists.gone === 1 ? "list" : "lists"} of products ${lists.gone === 1 ? "is" : "are"} invalidated, ${number(lists.stay)} ${lists.stay === 1 ? "stays" : "stay"}${lists.isWhole ? "" : ` (of the first ${counted(PAGES * COUNT, "key")})`}.</li>`}
  </ul>`;
}

/**
 * Count the cached lists of products that a move concerns: those of all products, and those of a
 * category that products leave or come to.
 * @param {any} item @param {any} target @param {AbortSignal} signal
 */
async function invalidated(item, target, signal) {
  if (missing("admin")) return null;
  const branch = await ask(`/api/categories/categories/${encodeURIComponent(item.id)}/tree`, { signal });
  if (!branch.ok) return null;
  const slugs = [...item.path, ...(target?.path ?? []), ...branch.value.items.map((/** @type {any} */ each) => each.slug)];
  const tags = new Set(["all", ...slugs.map((slug) => `category=${slug}`)]);
  let gone = 0;
  let all = 0;
  let cursor = "";
  for (let page = 0; page < PAGES; page += 1) {
    const query = new URLSearchParams({ prefix: "products:list:", count: String(COUNT), ...(cursor && { cursor }) });
    const reply = await ask(`/api/products/__cache?${query}`, { signal });
    if (!reply.ok) return null;
    const valid = reply.value.entries.filter((/** @type {any} */ entry) => entry.counts);
    all += valid.length;
    gone += valid.filter((/** @type {any} */ entry) => tags.has(entry.tag)).length;
    cursor = reply.value.next_cursor ?? "";
    if (!cursor) break;
  }
  return { gone, stay: all - gone, isWhole: !cursor };
}
