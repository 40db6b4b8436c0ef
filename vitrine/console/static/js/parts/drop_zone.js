/** A place on which files are dropped, and the button that chooses them by keyboard. */
import { useRef, useState } from "preact/hooks";
import { html } from "../html.js";

/** @param {DragEvent} event */
const hasFiles = (event) => Boolean(event.dataTransfer?.types.includes("Files"));

/**
 * @param {{onFiles: (files: File[]) => void, text: string, disabled?: boolean, class?: string, children?: any}} props
 *   `text` is shown while files are dragged over the place
 */
export function DropZone({ onFiles, text, disabled = false, class: kind = "", children }) {
  const [isOver, setIsOver] = useState(false);
  const inside = useRef(0); // Each element below the place says that it is entered and left.
  const enter = (/** @type {DragEvent} */ event) => {
    if (disabled || !hasFiles(event)) return;
    event.preventDefault();
    inside.current += 1;
    setIsOver(true);
  };
  const leave = (/** @type {DragEvent} */ event) => {
    if (disabled || !hasFiles(event)) return;
    inside.current = Math.max(0, inside.current - 1);
    if (!inside.current) setIsOver(false);
  };
  const drop = (/** @type {DragEvent} */ event) => {
    if (!hasFiles(event)) return;
    event.preventDefault(); // Else the browser leaves the page for the file.
    inside.current = 0;
    setIsOver(false);
    if (!disabled) onFiles([...(event.dataTransfer?.files ?? [])]);
  };
  return html`<div class=${`zone ${kind} ${isOver ? "over" : ""}`} onDragEnter=${enter} onDragLeave=${leave} onDrop=${drop}
    onDragOver=${(/** @type {DragEvent} */ event) => hasFiles(event) && event.preventDefault()}>
    ${children}
    ${isOver && html`<div class="veil" aria-hidden="true"><b>${text}</b></div>`}
  </div>`;
}

/**
 * @param {{onFiles: (files: File[]) => void, reason?: string, several?: boolean, kind?: string, label?: string, accept?: string, children?: any}} props
 *   `reason` is why it is disabled; `accept` are the types of files
 */
export function FileButton({ onFiles, reason = "", several = true, kind = "", label, accept = "image/*", children }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const chosen = (/** @type {any} */ event) => {
    onFiles([...event.target.files]);
    event.target.value = ""; // The same file may be chosen again.
  };
  return html`<button type="button" class=${kind} disabled=${Boolean(reason)} title=${reason || undefined} aria-label=${label}
      onClick=${() => input.current?.click()}>${children}</button>
    <input ref=${input} type="file" accept=${accept || undefined} multiple=${several} hidden tabindex="-1" aria-label=${label ?? "Photos"} onChange=${chosen} />`;
}
