/** A value that is edited in its place: Enter or a click begins, Enter saves, Esc leaves. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { draftOf, keepDraft } from "../edits/drafts.js";
import { html } from "../html.js";
import { missing, session } from "../session.js";
import { useValue } from "../value.js";

const KEY = "vitrine.draft ";

/**
 * @param {{name: string, value: string, draft: string, scope: string, lines?: boolean, type?: string, hint?: string,
 *   onSave: (text: string, seen: string) => Promise<string>}} props
 *   `name` says what the value is, for screen readers; `draft` is the key under which what was typed survives
 *   a reload. `onSave` gets the new text and the one that the reader saw when the edit began, since somebody
 *   else may have changed it meanwhile; it returns why it was refused, or an empty text
 */
export function InlineEdit({ name, value, draft, scope, lines = false, type = "text", hint = "", onSave }) {
  useValue(session);
  const key = KEY + draft;
  const [typed, setTyped] = useState(() => /** @type {{text: string, seen: string} | null} */ (draftOf(key)));
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const button = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const isOpen = typed !== null;
  const wasOpen = useRef(isOpen);
  useLayoutEffect(() => {
    if (isOpen && !wasOpen.current) field.current?.select();
    if (!isOpen && wasOpen.current) button.current?.focus();
    wasOpen.current = isOpen;
  }, [isOpen]);
  const keep = (/** @type {{text: string, seen: string} | null} */ next) => {
    keepDraft(key, next);
    setTyped(next);
  };
  const close = () => {
    setError("");
    keep(null);
  };
  const save = async () => {
    if (busy || !typed) return;
    if (typed.text === value) return close();
    setBusy(true);
    const refused = await onSave(typed.text, typed.seen);
    setBusy(false);
    if (refused) setError(refused);
    else close();
  };
  if (!isOpen) {
    const reason = missing(scope);
    return html`<button type="button" ref=${button} class="value" disabled=${Boolean(reason)} title=${reason || "Edit"}
      aria-label=${`${name}: ${value || "empty"}. ${reason || "Edit"}`} onClick=${() => keep({ text: value, seen: value })}>
      <span dir="auto">${value || html`<span class="dim">–</span>`}</span></button>`;
  }
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && (!lines || event.ctrlKey || event.metaKey)) save();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const common = { ref: field, value: typed.text, dir: "auto", "aria-label": name, "aria-invalid": Boolean(error), onKeyDown: press,
    onInput: (/** @type {any} */ event) => keep({ ...typed, text: event.target.value }) };
  return html`<div class="editing">
    ${lines ? html`<textarea rows="3" ...${common}></textarea>` : html`<input type=${type} ...${common} />`}
    <span class="tools">
      <button type="button" class="main" disabled=${busy} aria-label=${`Save ${name}`} onClick=${save}>Save</button>
      <button type="button" aria-label=${`Cancel ${name}`} onClick=${close}>Cancel</button>
    </span>
    ${(error || hint) && html`<p class=${error ? "bad small" : "dim small"} role=${error ? "alert" : undefined}>${error || hint}</p>`}
  </div>`;
}
