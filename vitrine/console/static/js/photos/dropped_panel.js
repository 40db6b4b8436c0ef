/** What became of the photos that were dropped on the products. */
import { useState } from "preact/hooks";
import { ask } from "../api.js";
import { bytes, counted } from "../format.js";
import { html } from "../html.js";
import { Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { Table } from "../parts/table.js";
import { useValue } from "../value.js";
import { assign, clearDropped, retry } from "./dropped.js";
import { dropped } from "./dropped_photos.js";
import { Picture } from "./picture.js";

const WORDS = {
  looking: ["none", "looking for its product"],
  unmatched: ["warn", "no product"],
  uploading: ["write", "uploading"],
  waiting: ["miss", "waiting for its thumbnails"],
  ready: ["good", "ready"],
  had: ["none", "was there"],
  failed: ["bad", "failed"],
};

export function Dropped() {
  const photos = useValue(dropped);
  if (!photos.length) return null;
  const count = (/** @type {string[]} */ ...states) => photos.filter(({ state }) => states.includes(state)).length;
  const busy = count("looking", "uploading", "waiting");
  const parts = [`${count("ready", "had")} of ${counted(photos.length, "photo")} ready`];
  if (count("unmatched")) parts.push(`${count("unmatched")} without a product`);
  if (count("failed")) parts.push(`${count("failed")} failed`);
  const wrong = photos.filter(({ state }) => state === "unmatched" || state === "failed");
  const columns = [
    { name: "Photo", kind: "tight", cell: (/** @type {any} */ photo) => html`<${Picture} image=${photo.image} />` },
    { name: "File", kind: "wide", cell: (/** @type {any} */ photo) => html`<span dir="auto">${photo.file.name}</span> <span class="dim">${bytes(photo.file.size)}</span>` },
    { name: "Product", kind: "wide", cell: ProductOf },
    { name: "State", kind: "wide", cell: State },
    { name: "", kind: "actions tight", cell: (/** @type {any} */ photo) => wrong.includes(photo) && html`<button type="button" aria-label=${`Retry ${photo.file.name}`} onClick=${() => retry(photo)}>Retry</button>` },
  ];
  const tools = html`<div class="tools">
    ${wrong.length > 1 && html`<button type="button" onClick=${() => wrong.forEach(retry)}>Retry all ${wrong.length}</button>`}
    <button type="button" disabled=${busy === photos.length} onClick=${clearDropped}>Clear the list</button>
  </div>`;
  return html`<${Panel} title="Photos" note=${parts.join(", ")} fill tools=${tools}>
    <p class="hidden" role="status" aria-live="polite">${busy ? "" : `${parts.join(", ")}.`}</p>
    <progress max=${photos.length} value=${photos.length - busy} aria-label="Photos that are done"></progress>
    <div class="photos"><${Table} caption="Photos and their products" columns=${columns} rows=${photos} rowKey=${(/** @type {any} */ photo) => photo.row} empty="" /></div>
  <//>`;
}

/** @param {any} photo */
function ProductOf(photo) {
  if (photo.product) return html`<a href=${`/products/${photo.product.id}`} dir="auto">${photo.product.name ?? photo.product.id}</a> <code class="dim" dir="auto">${photo.product.sku ?? ""}</code>`;
  return photo.state === "unmatched" ? html`<${Choose} photo=${photo} />` : html`<span class="dim">–</span>`;
}

/** Say by hand whose photo it is: by SKU, slug or id. */
function Choose({ photo }) {
  const [text, setText] = useState("");
  const [error, setError] = useState("");
  const choose = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const ref = text.trim();
    const fields = "fields=id,name,sku,slug";
    const bySku = await ask(`/api/products/products?sku=${encodeURIComponent(ref)}&${fields}&per=1`);
    const product = bySku.value?.items?.[0] ?? (await ask(`/api/products/products/${encodeURIComponent(ref)}?${fields}`)).value;
    if (product?.id) assign(photo, product);
    else setError(`No product has the SKU, the id or the slug ${ref}.`);
  };
  return html`<form class="tools" onSubmit=${choose}>
    <input class="short" aria-label=${`SKU or id of the product of ${photo.file.name}`} placeholder="SKU or id" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} />
    <button disabled=${!text.trim()}>Give it</button>
    ${error && html`<span class="bad" role="alert" dir="auto">${error}</span>`}
  </form>`;
}

/** @param {any} photo */
function State(photo) {
  const [kind, word] = /** @type {any} */ (WORDS)[photo.state];
  return html`<${Pill} kind=${kind}>${word}<//>${photo.why && html` <span class="dim" dir="auto">${photo.why}</span>`}`;
}
