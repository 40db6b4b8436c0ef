/** The text of a picture for readers who do not see it: saved by Enter, and when the field is left. */
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";

/**
 * @param {{image: any, name: string, reason: string,
 *   onWrite: (place: string, options: any, edit?: any, seen?: any) => Promise<boolean>}} props
 */
export function AltText({ image, name, reason, onWrite }) {
  const stored = image.alt ?? "";
  const [text, setText] = useState(stored);
  const seen = useRef(stored); // the stored text when the typing began
  const sent = useRef(stored); // Enter and then leaving the field are one write.
  useEffect(() => {
    sent.current = stored;
    if (text.trim() !== seen.current && text.trim() !== stored) return; // It is being typed.
    setText(stored);
    seen.current = stored;
  }, [stored]);
  const type = (/** @type {string} */ next) => {
    if (text === stored) seen.current = stored;
    setText(next);
  };
  const save = async () => {
    const alt = text.trim();
    if (reason || alt === sent.current) return;
    sent.current = alt;
    const before = { alt: seen.current || null };
    const isWritten = await onWrite(`/${image.id}`, { method: "PATCH", body: { alt: alt || null } }, { label: `text of ${name}`, path: `/${image.id}`, method: "PATCH", body: before }, before);
    if (isWritten) seen.current = alt;
    else sent.current = stored;
  };
  const keyed = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter") save();
    else if (event.key === "Escape") {
      setText(stored);
      seen.current = stored;
    } else return;
    event.preventDefault();
  };
  return html`<input class="alt" aria-label=${`Text of ${name}`} placeholder="What it shows" value=${text} readOnly=${Boolean(reason)} maxlength="500" dir="auto" autocomplete="off"
    onInput=${(/** @type {any} */ event) => type(event.target.value)} onKeyDown=${keyed} onBlur=${save} />`;
}
