/** The pictures of a product: added by drop, file or address; ordered by drag and by keys. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ask } from "../api.js";
import { remember } from "../edits/undo.js";
import { counted } from "../format.js";
import { html } from "../html.js";
import { Notice } from "../parts/notice.js";
import { Panel } from "../parts/panel.js";
import { DropZone, FileButton } from "../parts/drop_zone.js";
import { say } from "../said.js";
import { missing, session } from "../session.js";
import { useAsk } from "../use_ask.js";
import { useValue } from "../value.js";
import { AddressOfPhoto } from "./address_of_photo.js";
import { PictureCard } from "./picture_card.js";
import { leftBy, settle } from "./settle.js";
import { galleryOf } from "./upload.js";
import { useUploads } from "./uploads.js";
import { UploadCard } from "./upload_card.js";

const EVERY = 1; // seconds, while a picture waits for a worker
const ANY = { "If-Match": "*" }; // What a picture is does not depend on the other fields, which share its ETag.

/** @param {{id: number, round: number}} props  `round` counts the changes of the product */
export function Pictures({ id, round }) {
  useValue(session);
  const path = galleryOf(id);
  const [every, setEvery] = useState(EVERY);
  const { value, reply, error, reload } = useAsk(path, { every });
  const [order, setOrder] = useState(/** @type {number[] | null} */ (null)); // that is being sent
  const sending = useRef(0); // orders under way: what is read meanwhile may be older than they are
  const { uploads, send, leave } = useUploads(id, reload);
  const reason = missing("products:write");
  /** @type {any[]} */
  const stored = value?.items ?? [];
  const images = order ? [...stored].sort((one, other) => order.indexOf(one.id) - order.indexOf(other.id)) : stored;
  const isWaiting = stored.some(({ state }) => state === "queued" || state === "processing");
  useEffect(() => setEvery(isWaiting ? EVERY : 0), [isWaiting]);
  useEffect(() => void (round > 1 && reload()), [round]);
  useEffect(() => void (sending.current || setOrder(null)), [value]); // What was read has the order that was sent.
  const write = async (/** @type {string} */ place, /** @type {any} */ options, /** @type {any} */ edit, /** @type {any} */ seen) => {
    const before = seen && (await settle(path + place, seen, options.body, edit.label));
    if (before === null) {
      reload();
      return false;
    }
    const answer = await ask(path + place, { ...options, headers: options.method === "POST" ? undefined : ANY });
    if (!answer.ok) say(answer.error);
    else if (edit) {
      const own = `/products/${id}/images${edit.path ?? ""}`;
      remember({ label: edit.label, steps: [{ service: "products", path: own, method: edit.method, body: before ?? edit.body, etag: edit.method === "POST" ? "" : "*" }], left: leftBy(own, options, answer.value) });
    }
    reload();
    return answer.ok;
  };
  const reorder = async (/** @type {number[]} */ next, /** @type {string} */ text) => {
    const before = images.map((image) => image.id);
    setOrder(next);
    sending.current += 1;
    const isKept = await write("", { method: "PUT", body: { order: next } }, { label: "order of pictures", method: "PUT", body: { order: before } });
    sending.current -= 1;
    if (isKept) say(text);
    else setOrder(null);
  };
  const move = (/** @type {number} */ number, /** @type {number} */ place) => {
    const rest = images.map((image) => image.id).filter((each) => each !== number);
    const at = Math.max(0, Math.min(place, rest.length));
    if (images[at]?.id === number) return undefined;
    return reorder([...rest.slice(0, at), number, ...rest.slice(at)], `The picture is at place ${at + 1} of ${images.length}.`);
  };
  const tools = html`<div class="tools"><${FileButton} onFiles=${send} reason=${reason}>Add pictures …<//></div>`;
  return html`<${DropZone} class="stack" onFiles=${send} disabled=${Boolean(reason)} text="Drop pictures to add them">
    <${Panel} title="Pictures" note=${value ? counted(stored.length, "picture") : ""} tools=${tools} reply=${reply} error=${error}>
      ${value && !images.length && !uploads.length && html`<p class="dim">No pictures yet. Drop some here, or choose files.</p>`}
      ${images.length > 1 && !reason && html`<p class="dim small">Drag them, or use the arrow keys on a handle. The first one is the main picture.</p>`}
      <ol class="gallery" aria-label="Pictures in their order">
        ${images.map((image, at) => html`<${PictureCard} key=${image.id} image=${image} at=${at} count=${images.length} reason=${reason} onMove=${move} onWrite=${write} onFiles=${send} />`)}
        ${uploads.map((upload) => html`<${UploadCard} key=${`upload ${upload.row}`} upload=${upload} onRetry=${() => send([upload.file], upload.row)} onLeave=${() => leave(upload.row)} />`)}
      </ol>
      ${!reason && html`<${AddressOfPhoto} path=${path} onAdded=${reload} />`}
      ${reason && html`<${Notice} kind="warn" label="To see only.">${reason}<//>`}
    <//>
  <//>`;
}
