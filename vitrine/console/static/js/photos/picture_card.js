/** One picture: its state, its text for readers who do not see it, its place, and its removal. */
import { useState } from "preact/hooks";
import { html } from "../html.js";
import { Confirm } from "../parts/confirm.js";
import { Icon } from "../parts/icon.js";
import { Pill } from "../parts/pill.js";
import { FileButton } from "../parts/drop_zone.js";
import { Picture } from "./picture.js";
import { AltText } from "./alt_text.js";

const TYPE = "application/x-vitrine-picture";
const TONES = { queued: "miss", processing: "write", ready: "good", failed: "bad" };
const WORDS = { queued: "waiting", processing: "in work", ready: "ready", failed: "failed" };
const STEPS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

/**
 * @param {{image: any, at: number, count: number, reason: string, onMove: (number: number, place: number) => void,
 *   onWrite: (place: string, options: any, edit?: any, seen?: any) => Promise<boolean>, onFiles: (files: File[]) => void}} props
 */
export function PictureCard({ image, at, count, reason, onMove, onWrite, onFiles }) {
  const [isOver, setIsOver] = useState(false);
  const [isAsking, setIsAsking] = useState(false);
  const { id, state, url } = image;
  const name = `picture ${at + 1}`;
  const remove = (/** @type {any} */ edit) => {
    setIsAsking(false);
    return onWrite(`/${id}`, { method: "DELETE" }, edit);
  };
  const again = async (/** @type {File[]} */ files) => {
    if (await onWrite(`/${id}`, { method: "DELETE" })) onFiles(files);
  };
  const keyed = (/** @type {KeyboardEvent} */ event) => {
    const step = /** @type {any} */ (STEPS)[event.key] ?? { Home: -at, End: count - 1 - at }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    onMove(id, at + step);
  };
  const isOurs = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes(TYPE);
  const dropped = (/** @type {DragEvent} */ event) => {
    setIsOver(false);
    if (!isOurs(event)) return;
    event.preventDefault();
    onMove(Number(event.dataTransfer?.getData(TYPE)), at);
  };
  return html`<li class=${`card ${isOver ? "over" : ""}`} draggable=${!reason && count > 1}
      onDragStart=${(/** @type {DragEvent} */ event) => event.dataTransfer?.setData(TYPE, String(id))}
      onDragOver=${(/** @type {DragEvent} */ event) => isOurs(event) && (event.preventDefault(), setIsOver(true))}
      onDragLeave=${() => setIsOver(false)} onDrop=${dropped}>
    <div class="frame"><${Picture} image=${image} size="medium" alt=${image.alt ?? ""} />
      ${!reason && count > 1 && html`<button type="button" class="handle" data-picture=${id} aria-label=${`Move ${name} of ${count}: arrow keys`} title="Drag, or press the arrow keys" onKeyDown=${keyed}><${Icon} name="move" /></button>`}
    </div>
    <div class="tools"><${Pill} kind=${/** @type {any} */ (TONES)[state] ?? "none"}>${/** @type {any} */ (WORDS)[state] ?? state}<//>${at === 0 && html`<${Pill} kind="none">main<//>`}</div>
    ${image.reason && html`<p class=${state === "failed" ? "bad small" : "dim small"} dir="auto">${image.reason}</p>`}
    ${url && html`<a class="small" href=${url} target="_blank" rel="noreferrer" dir="auto">${url}</a>`}
    <${AltText} image=${image} name=${name} reason=${reason} onWrite=${onWrite} />
    ${!reason && html`<div class="tools">
      ${state === "failed" && (url ? html`<button type="button" aria-label=${`Retry ${name}`} onClick=${() => onWrite(`/${id}/fetch`, { method: "POST" })}>Retry</button>`
        : html`<${FileButton} onFiles=${again} several=${false} label=${`Upload it again: ${name}`}>Upload it again …<//>`)}
      ${at > 0 && html`<button type="button" class="link" aria-label=${`Make main: ${name}`} onClick=${() => onMove(id, 0)}>Make main</button>`}
      <button type="button" class="link" aria-label=${`Remove ${name}`} onClick=${() => (url ? remove({ label: `removed ${name}`, method: "POST", body: { url, alt: image.alt } }) : setIsAsking(true))}>Remove</button>
    </div>`}
    ${isAsking && html`<${Confirm} title="Remove the picture" yes="Remove it" onYes=${() => remove(undefined)} onNo=${() => setIsAsking(false)}>
      <p>It was uploaded, so it cannot be taken back: only another upload brings it back.</p><//>`}
  </li>`;
}
