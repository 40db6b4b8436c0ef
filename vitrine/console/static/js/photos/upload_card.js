/** A picture on its way: shown from the file itself, with what the service says. */
import { useEffect, useState } from "preact/hooks";
import { html } from "../html.js";
import { Pill } from "../parts/pill.js";

/** @param {{upload: import("./uploads.js").Upload, onRetry: () => void, onLeave: () => void}} props */
export function UploadCard({ upload, onRetry, onLeave }) {
  const { file, error } = upload;
  const [url, setUrl] = useState("");
  useEffect(() => {
    const own = URL.createObjectURL(file);
    setUrl(own);
    return () => URL.revokeObjectURL(own);
  }, [file]);
  return html`<li class="card">
    <div class="frame">${url && html`<img class="picture pale" src=${url} alt="" />`}</div>
    <p class="small" dir="auto">${file.name}</p>
    ${error ? html`<p class="bad small" role="alert" dir="auto">${error}</p>
      <div class="tools"><button type="button" aria-label=${`Retry ${file.name}`} onClick=${onRetry}>Retry</button><button type="button" class="link" aria-label=${`Leave out ${file.name}`} onClick=${onLeave}>Leave out</button></div>`
      : html`<${Pill} kind="write">uploading<//>`}
  </li>`;
}
