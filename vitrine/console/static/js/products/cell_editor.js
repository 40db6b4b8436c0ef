/** The editor of a cell: Enter saves, Esc leaves it as it was, Tab saves and goes on. */
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";
import { useAsk } from "../use_ask.js";
import { STATUSES, typedOf } from "./columns.js";
import { draft, keepDraft } from "./draft.js";
import { COLLECTION } from "./query.js";
import { saveCell, saveStock } from "./save.js";

const REASONS = ["delivery", "damaged", "returned", "found", "inventory"];

/**
 * @param {{column: import("./columns.js").Column, item: any, brands: string[], onDone: (item: any, step: number) => void}} props
 *   `onDone` gets the saved item, or null, and how many cells to go on
 */
export function CellEditor({ column, item: shown, brands, onDone }) {
  const [item] = useState(shown); // As the reader saw it, even if the row changes meanwhile.
  const known = draft();
  const isKept = known?.id === item.id && known?.column === column.id;
  const [text, setText] = useState(isKept ? known.text : typedOf(column, item));
  const [reason, setReason] = useState((isKept && known.reason) || "");
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const isOver = useRef(false);
  const byPointer = useRef(false);
  const id = useId();
  const isStock = column.editor === "stock";
  const needsReason = isStock && item.stock != null;
  useLayoutEffect(() => {
    // Before the next key, so that no letter of a quick typist is lost.
    const field = /** @type {HTMLInputElement | null} */ (box.current?.querySelector("input, select"));
    field?.focus();
    if (!isKept) field?.select?.();
  }, []);
  const type = (/** @type {string} */ value, why = reason) => {
    setText(value);
    setReason(why);
    setError("");
    keepDraft({ id: item.id, column: column.id, text: value, reason: why });
  };
  const end = (/** @type {any} */ saved, step = 0) => {
    isOver.current = true;
    keepDraft(null);
    onDone(saved, step);
  };
  const save = async (step = 0, value = text) => {
    if (isBusy || isOver.current) return;
    setBusy(true);
    const saved = isStock ? await saveStock(item, value, reason) : await saveCell(column, item, value);
    setBusy(false);
    if (!saved.error) return end(saved.item ?? null, step);
    setError(saved.error);
    if (!document.querySelector("dialog[open]")) box.current?.querySelector("input, select")?.focus();
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    byPointer.current = false;
    event.stopPropagation(); // The grid has keys of its own.
    if (event.isComposing) return;
    if (event.key === "Escape") end(null);
    else if (event.key === "Enter") {
      event.preventDefault();
      if (needsReason && !reason && text !== typedOf(column, item) && event.target !== box.current?.querySelectorAll("input")[1]) reasonField()?.focus();
      else save();
    } else if (event.key === "Tab" && !(needsReason && event.target !== reasonField() && !event.shiftKey)) {
      event.preventDefault();
      save(event.shiftKey ? -1 : 1);
    }
  };
  const reasonField = () => /** @type {HTMLElement | undefined} */ (box.current?.querySelectorAll("input")[1]);
  const onFocusOut = (/** @type {FocusEvent} */ event) => {
    const isInside = box.current?.contains(/** @type {Node} */ (event.relatedTarget ?? document.activeElement));
    if (isInside || isOver.current || document.querySelector("dialog[open]")) return;
    if (needsReason && text !== typedOf(column, item) && !reason) return; // It waits for the reason.
    save();
  };
  const name = `${column.name} of ${item.name}`;
  const common = { value: text, readOnly: isBusy, "aria-label": name, "aria-invalid": Boolean(error), "aria-describedby": error ? id : undefined };
  return html`<div class="editor" ref=${box} onKeyDown=${onKeyDown} onFocusOut=${onFocusOut} onPointerDown=${() => (byPointer.current = true)}>
    ${column.editor === "status"
      ? html`<select ...${common} disabled=${isBusy} onChange=${(/** @type {any} */ event) => {
          type(event.target.value);
          if (byPointer.current) save(0, event.target.value);
        }}>${STATUSES.map((each) => html`<option key=${each} value=${each} selected=${each === text}>${each}</option>`)}</select>`
      : html`<input ...${common} dir="auto" list=${hasList(column) ? `${id}-list` : undefined} inputmode=${column.editor === "number" ? "decimal" : undefined}
          autocomplete="off" onInput=${(/** @type {any} */ event) => type(event.target.value)} />`}
    ${column.editor === "category" && html`<${Categories} id=${`${id}-list`} text=${text} />`}
    ${column.editor === "brand" && html`<datalist id=${`${id}-list`}>${brands.map((each) => html`<option key=${each} value=${each}></option>`)}</datalist>`}
    ${needsReason && html`<input value=${reason} aria-label=${`Why the stock of ${item.name} changes`} placeholder="why: delivery, damaged …" dir="auto" maxlength="200"
      list=${`${id}-reasons`} onInput=${(/** @type {any} */ event) => type(text, event.target.value)} />
      <datalist id=${`${id}-reasons`}>${REASONS.map((each) => html`<option key=${each} value=${each}></option>`)}</datalist>`}
    ${error && html`<p class="bad small" id=${id} role="alert" dir="auto">${error}</p>`}
  </div>`;
}

/** @param {import("./columns.js").Column} column */
const hasList = (column) => column.editor === "category" || column.editor === "brand";

/** Categories whose name begins with what is typed. */
function Categories({ id, text }) {
  const { value } = useAsk(text.trim() ? `${COLLECTION}/suggest?${new URLSearchParams({ q: text.trim().slice(0, 200) })}` : "");
  return html`<datalist id=${id}>${(value?.categories ?? []).map((/** @type {any} */ { slug, name }) => html`<option key=${slug} value=${slug}>${name}</option>`)}</datalist>`;
}
