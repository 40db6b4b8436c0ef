/** The text of a picture for readers who do not see it: saved by Enter, and when the field is left. */
import { useEffect, useState } from "preact/hooks";
import { html } from "../html.js";

/** @param {{image: any, name: string, reason: string, onWrite: (place: string, options: any, edit?: any) => Promise<boolean>}} props */
export function AltText({ image, name, reason, onWrite }) {
  const stored = image.alt ?? "";
  const [text, setText] = useState(stored);
  useEffect(() => setText(stored), [stored]);
  const save = () => {
    const alt = text.trim() || null;
    if (reason || alt === image.alt) return;
    onWrite(`/${image.id}`, { method: "PATCH", body: { alt } }, { label: `text of ${name}`, path: `/${image.id}`, method: "PATCH", body: { alt: image.alt } });
  };
  const keyed = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter") save();
    else if (event.key === "Escape") setText(stored);
    else return;
    event.preventDefault();
  };
  return html`<input class="alt" aria-label=${`Text of ${name}`} placeholder="What it shows" value=${text} readOnly=${Boolean(reason)} maxlength="500" dir="auto" autocomplete="off"
    onInput=${(/** @type {any} */ event) => setText(event.target.value)} onKeyDown=${keyed} onBlur=${save} />`;
}
