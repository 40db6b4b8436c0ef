/** Files by drop, anywhere on the page, or by a button. */
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";
import { Icon } from "../parts/icon.js";

/** @param {{onFiles: (files: File[]) => void, busy: string, text: any}} props  `busy` says what is sent now */
export function Drop({ onFiles, busy, text }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [over, setOver] = useState(false);
  const take = useRef(onFiles);
  take.current = (files) => void (!busy && files.length && onFiles(files));
  useEffect(() => {
    const stop = new AbortController();
    const listen = (/** @type {string} */ name, /** @type {(event: any) => void} */ handle) =>
      document.addEventListener(name, handle, { signal: stop.signal });
    // Without this the browser would leave the console and show the file.
    listen("dragover", (event) => {
      event.preventDefault();
      setOver(true);
    });
    listen("dragleave", (event) => void (!event.relatedTarget && setOver(false)));
    listen("drop", (event) => {
      event.preventDefault();
      setOver(false);
      take.current([...(event.dataTransfer?.files ?? [])]);
    });
    return () => stop.abort();
  }, []);
  const chosen = (/** @type {any} */ event) => {
    take.current([...event.target.files]);
    event.target.value = ""; // The same file may be chosen again, after it was corrected.
  };
  return html`<div class=${`drop ${over ? "over" : ""}`}>
    <${Icon} name="import" />
    <p>${busy ? html`Sending <b dir="auto">${busy}</b>.` : text}</p>
    <button type="button" disabled=${Boolean(busy)} onClick=${() => input.current?.click()}>Choose files</button>
    <input ref=${input} type="file" multiple hidden onChange=${chosen} />
  </div>`;
}
