/** A photo by its address: a worker fetches it. */
import { useState } from "preact/hooks";
import { ask } from "../api.js";
import { html } from "../html.js";

/** @param {{path: string, onAdded: () => void}} props  `path` of the images of the product */
export function AddressOfPhoto({ path, onAdded }) {
  const [url, setUrl] = useState("");
  const [error, setError] = useState("");
  const add = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const reply = await ask(path, { method: "POST", body: { url: url.trim() } });
    const said = reply.value?.errors?.find((/** @type {any} */ each) => each.pointer === "/url")?.message;
    setError(reply.ok ? "" : (said ?? reply.error));
    if (!reply.ok) return;
    setUrl("");
    onAdded();
  };
  return html`<form class="tools" onSubmit=${add}>
    <input class="grow" type="url" aria-label="Address of a photo" placeholder="https://…  address of a photo" value=${url} aria-invalid=${error ? "true" : undefined}
      onInput=${(/** @type {any} */ event) => setUrl(event.target.value)} />
    <button disabled=${!url.trim()}>Fetch it</button>
    ${error && html`<p class="bad small" role="alert" dir="auto">${error}</p>`}
  </form>`;
}
