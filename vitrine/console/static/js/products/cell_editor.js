/** The editor of a cell: Enter saves, Esc leaves it as it was, Tab saves and goes on. */
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";
import { say } from "../said.js";
import { useAsk } from "../use_ask.js";
import { asRuled, rowOf } from "../product_form/inputs.js";
import { typed } from "../amounts.js";
import { knownRule } from "./attribute_rules.js";
import { STATUSES, typedOf, valueOf, withValue } from "./columns/columns.js";
import { draftOf, dropDraft, keepDraft } from "./draft.js";
import { COLLECTION } from "./paths.js";

const loadSave = () => import("./save.js");
/** @type {import("./save.js").Saved} */
const NOT_LOADED = { error: "A part of the console was not loaded. Try again, or reload the page." };
const REASONS = ["delivery", "damaged", "returned", "found", "inventory"];

/**
 * @param {{column: import("./columns/columns.js").Column, item: any, brands: string[], onSaved: (item: any) => void, onClose: (step: number) => void, onOpen: () => void}} props
 *   `onClose` gets how many cells to go on; `onOpen` opens the editor again. An answer that comes when the reader
 *   is in another cell closes nothing
 */
export function CellEditor({ column, item: shown, brands, onSaved, onClose, onOpen }) {
  const [known] = useState(() => draftOf(shown.id, column.id));
  const [item] = useState(known ? withValue(column, shown, known.before) : shown); // As the reader saw it, even if the row changes meanwhile.
  const [text, setText] = useState(known ? known.text : typedOf(column, item));
  const [reason, setReason] = useState(known?.reason ?? "");
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const isOver = useRef(false);
  const isGone = useRef(false);
  const byPointer = useRef(false);
  const id = useId();
  const isStock = column.editor === "stock";
  const name = `${column.name} of ${item.name}`;
  const [{ choices, kind }] = useState(() => (column.attribute === undefined ? { choices: column.editor === "status" ? pairs(STATUSES) : null, kind: "" } : ofAttribute(column, item)));
  const needsReason = isStock && item.stock != null;
  useLayoutEffect(() => {
    // Before the next key, so that no letter of a quick typist is lost.
    const field = /** @type {HTMLInputElement | null} */ (box.current?.querySelector("input, select"));
    field?.focus();
    if (!known) field?.select?.();
    loadSave().catch(() => {}); // It is there when the cell is saved.
    return () => void (isGone.current = true);
  }, []);
  const type = (/** @type {string} */ value, why = reason) => {
    setText(value);
    setReason(why);
    setError("");
    keepDraft({ id: item.id, column: column.id, text: value, reason: why, before: valueOf(column, item) });
  };
  const end = (step = 0) => {
    isOver.current = true;
    dropDraft(item.id, column.id);
    onClose(step);
  };
  const send = async (/** @type {string} */ value) => {
    const module = await loadSave().catch(() => null);
    if (!module) return NOT_LOADED;
    return isStock ? module.saveStock(item, value, reason) : module.saveCell(column, item, value);
  };
  const save = async (step = 0, value = text) => {
    if (isBusy || isOver.current) return;
    setBusy(true);
    const saved = await send(value);
    if (saved.item) onSaved(saved.item);
    if (isGone.current) return endLate(saved, value);
    setBusy(false);
    if (!saved.error) return end(step);
    setError(saved.error);
    if (!document.querySelector("dialog[open]")) box.current?.querySelector("input, select")?.focus();
    return undefined;
  };
  /** The reader is in another cell by now, or back in this one with another text. */
  const endLate = (/** @type {import("./save.js").Saved} */ saved, /** @type {string} */ value) => {
    if (saved.error) return say(`${name} is not saved. ${saved.error}`, { label: "Open the cell", run: onOpen });
    if (draftOf(item.id, column.id)?.text === value) dropDraft(item.id, column.id);
    return undefined;
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    byPointer.current = false;
    event.stopPropagation(); // The grid has keys of its own.
    if (event.isComposing) return;
    if (event.key === "Escape") end();
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
  const common = { value: text, readOnly: isBusy, "aria-label": name, "aria-invalid": Boolean(error), "aria-describedby": error ? id : undefined };
  return html`<div class="editor" ref=${box} onKeyDown=${onKeyDown} onFocusOut=${onFocusOut} onPointerDown=${() => (byPointer.current = true)}>
    ${choices
      ? html`<select ...${common} disabled=${isBusy} onChange=${(/** @type {any} */ event) => {
          type(event.target.value);
          if (byPointer.current) save(0, event.target.value);
        }}>${choices.map(([value, word]) => html`<option key=${value} value=${value} selected=${value === text}>${word}</option>`)}</select>`
      : html`<input ...${common} dir="auto" list=${hasList(column) ? `${id}-list` : undefined} inputmode=${column.editor === "number" || kind === "number" ? "decimal" : undefined}
          autocomplete="off" onInput=${(/** @type {any} */ event) => type(event.target.value)} />`}
    ${column.editor === "category" && html`<${Categories} id=${`${id}-list`} text=${text} />`}
    ${column.editor === "brand" && html`<datalist id=${`${id}-list`}>${brands.map((each) => html`<option key=${each} value=${each}></option>`)}</datalist>`}
    ${needsReason && html`<input value=${reason} aria-label=${`Why the stock of ${item.name} changes`} placeholder="why: delivery, damaged …" dir="auto" maxlength="200"
      list=${`${id}-reasons`} onInput=${(/** @type {any} */ event) => type(text, event.target.value)} />
      <datalist id=${`${id}-reasons`}>${REASONS.map((each) => html`<option key=${each} value=${each}></option>`)}</datalist>`}
    ${error && html`<p class="bad small" id=${id} role="alert" dir="auto">${error}</p>`}
  </div>`;
}

/** @param {string[]} values @returns {[string, string][]} the values of a choice, and their words */
const pairs = (values) => values.map((value) => [value, value]);

/**
 * The choices of an attribute, if it has any, and the kind of its values: by the rule of the category, else by its value.
 * @param {import("./columns/columns.js").Column} column @param {any} item
 * @returns {{choices: [string, string][] | null, kind: string}}
 */
function ofAttribute(column, item) {
  const value = valueOf(column, item);
  const rule = knownRule(item.category, column.attribute ?? "");
  const { kind } = asRuled(rowOf("", value ?? undefined), rule);
  if (kind === "boolean") return { choices: [["", "–"], ["true", "yes"], ["false", "no"]], kind };
  if (!rule.choices) return { choices: null, kind };
  const known = rule.choices.map(typed);
  return { choices: [["", "–"], ...pairs([...new Set([...(value === null ? [] : [typed(value)]), ...known])])], kind };
}

/** @param {import("./columns/columns.js").Column} column */
const hasList = (column) => column.editor === "category" || column.editor === "brand";

/** Categories whose name begins with what is typed. */
function Categories({ id, text }) {
  const { value } = useAsk(text.trim() ? `${COLLECTION}/suggest?${new URLSearchParams({ q: text.trim().slice(0, 200) })}` : "");
  return html`<datalist id=${id}>${(value?.categories ?? []).map((/** @type {any} */ { slug, name }) => html`<option key=${slug} value=${slug}>${name}</option>`)}</datalist>`;
}
