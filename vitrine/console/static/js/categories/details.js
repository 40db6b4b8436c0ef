/** The chosen category: its name, its place, its products, and what can be done with it. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ask, isUnanswered } from "../api.js";
import { edit } from "../edits/edit.js";
import { remember } from "../edits/undo.js";
import { counted } from "../format.js";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { Notice } from "../parts/notice.js";
import { Panel } from "../parts/panel.js";
import { randomName } from "../random.js";
import { DeleteDialog } from "./delete.js";
import { Rules } from "./rules.js";
import { CategorySearch } from "./search.js";
import { Unfit } from "./unfit.js";

/**
 * @param {{asked: any, task: string, onTask: (task: string) => void, onMove: (item: any, target: any) => void,
 *   onChanged: () => void, onCreated: (item: any) => void, onDeleted: () => void, hasMisfits: boolean, onMisfits: () => void}} props
 *   `asked` is the answer with the category; `task` is "rename" or "delete", or nothing; `hasMisfits` after a change by which
 *   products do not fit its rules
 */
export function Details({ asked, task, onTask, onMove, onChanged, onCreated, onDeleted, hasMisfits, onMisfits }) {
  const { value: item, reply, error } = asked;
  if (!item) return html`<${Panel} title="Category" error=${error}>${!error && html`<p class="dim">Reading the category.</p>`}<//>`;
  const browse = `/products?category=${encodeURIComponent(item.slug)}`;
  return html`
    <${Panel} title="Category" note=${(item.path ?? []).join(" / ")} reply=${reply} error=${error}>
      <${Name} key=${item.id} item=${item} etag=${reply?.etag ?? ""} task=${task} onTask=${onTask} onChanged=${onChanged} />
      <p class="dim">${item.product_count == null ? "" : html`<a href=${browse}>${counted(item.product_count, "active product")}</a> in it and below. `}Slug <code>${item.slug}</code>.</p>
      <${Create} parent=${item} onCreated=${onCreated} />
      <div class="tools">
        <${CategorySearch} label=${`Move ${item.name} under …`} onPick=${(/** @type {any} */ target) => onMove(item, target)} />
        ${item.parent && html`<${Action} scope="categories:write" onClick=${() => onMove(item, null)}>To the top level<//>`}
        <${Action} scope="categories:write" kind="danger" onClick=${() => onTask("delete")}>Delete …<//>
      </div>
    <//>
    <${Rules} key=${item.id} item=${item} etag=${reply?.etag ?? ""} onSaved=${(/** @type {boolean} */ leavesMisfits) => (onChanged(), leavesMisfits && onMisfits())} />
    <${Unfit} key=${`unfit ${item.id}`} item=${item} isAsked=${hasMisfits} />
    ${task === "delete" && html`<${DeleteDialog} item=${item} etag=${reply?.etag ?? ""} onClose=${() => onTask("")} onDeleted=${onDeleted} />`}`;
}

/** The name, which is saved by Enter. */
function Name({ item, etag, task, onTask, onChanged }) {
  const stored = item.name ?? "";
  const [text, setText] = useState(stored);
  const [seen, setSeen] = useState(stored); // when the typing began
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useLayoutEffect(() => {
    if (task !== "rename") return; // At once: what is typed next belongs to the name.
    field.current?.select();
    onTask("");
  }, [task]);
  useEffect(() => {
    if (text === seen) setText(stored); // What is being typed stays, whoever renames it meanwhile.
    if (text === seen || text === stored) setSeen(stored);
  }, [stored]);
  const save = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy || text === stored) return;
    setBusy(true);
    // Without an ETag, the category is read again and compared with what was seen.
    const reply = await edit({ service: "categories", path: `/categories/${encodeURIComponent(item.id)}`, before: { name: seen }, after: { name: text }, etag: seen === stored ? etag : "", label: `name of ${stored}` });
    setBusy(false);
    setError(reply.error);
    if (!reply.ok) return;
    setSeen(text);
    onChanged();
  };
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    setText(stored);
    setSeen(stored);
  };
  return html`<form class="tools grow" onSubmit=${save}>
    <label class="field">Name<input ref=${field} value=${text} dir="auto" required autocomplete="off" aria-invalid=${Boolean(error)}
      onInput=${(/** @type {any} */ event) => setText(event.target.value)} onKeyDown=${press} /></label>
    <${Action} scope="categories:write" type="submit" disabled=${busy || text === stored}>Rename<//>
    ${error && html`<p class="bad small" role="alert">${error}</p>`}
  </form>`;
}

/**
 * A new category, under another one or at the top.
 * @param {{parent: any, onCreated: (item: any) => void}} props
 */
export function Create({ parent, onCreated }) {
  const [text, setText] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const key = useRef(randomName()); // A request that is sent again counts once.
  const label = parent ? `New category under ${parent.name}` : "New category at the top level";
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    const reply = await ask("/api/categories/categories", { method: "POST", body: { name: text, parent: parent?.slug ?? null }, headers: { "Idempotency-Key": key.current } });
    setBusy(false);
    setError(reply.error);
    if (!isUnanswered(reply)) key.current = randomName();
    if (!reply.ok) return;
    const path = `/categories/${encodeURIComponent(reply.value.id)}`;
    remember({ label: `new category ${text}`, steps: [{ service: "categories", method: "DELETE", path, etag: reply.etag }] });
    setText("");
    onCreated(reply.value);
  };
  return html`<form class="tools grow" onSubmit=${send}>
    <label class="field">${label}<input value=${text} dir="auto" autocomplete="off" required readOnly=${busy} onInput=${(/** @type {any} */ event) => setText(event.target.value)} /></label>
    <${Action} scope="categories:write" type="submit" disabled=${busy || !text.trim()}>Add<//>
    ${error && html`<${Notice} kind="bad" label="Not added.">${error}<//>`}
  </form>`;
}
