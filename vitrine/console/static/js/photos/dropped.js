/**
 * Photos that were dropped on the products: each finds its products, is uploaded, and becomes ready.
 *
 * They belong to the tab, not to a page: the work goes on while the reader looks at something else.
 */
import { say } from "../said.js";
import { counted } from "../format.js";
import { listen } from "../stream.js";
import { dropped } from "./dropped_photos.js";
import { namedBy, stemOf } from "./file_names.js";
import { askInTurn, galleryOf, upload } from "./upload.js";

const MOST = 500; // photos at once
const MOST_PRODUCTS = 50; // with one name
const EVERY = 1000; // milliseconds between two looks at photos that wait for a worker
const GALLERIES = 4; // that are looked at in one go

/** @typedef {import("./dropped_photos.js").Photo} Photo */

let count = 0;
let timer = 0;
let turn = 0;

/** @param {File[]} files */
export function drop(files) {
  const photos = files.slice(0, MOST).map((file) => newPhoto(file));
  if (files.length > MOST) say(`The first ${counted(MOST, "photo")} of ${files.length} were taken. Drop the others afterwards.`);
  dropped.set([...dropped.get(), ...photos]);
  for (const photo of photos) find(photo);
}

/** Leave out what is done and what is not of any product. */
export function clearDropped() {
  dropped.set(dropped.get().filter(({ state }) => ["looking", "uploading", "waiting"].includes(state)));
}

/** Look for the product again, or upload again. @param {Photo} photo */
export async function retry(photo) {
  if (!photo.product) return find(photo);
  const { image } = photo;
  if (image?.state === "failed") await askInTurn(`${galleryOf(photo.product.id)}/${image.id}`, { method: "DELETE", headers: { "If-Match": "*" } });
  return send({ ...photo, image: null });
}

/** Say whose photo it is. @param {Photo} photo @param {any} product */
export const assign = (photo, product) => send({ ...photo, product });

/** @param {File} file @param {Partial<Photo>} [more] @returns {Photo} */
const newPhoto = (file, more) => ({ row: ++count, file, product: null, state: "looking", why: "", image: null, ...more });

/** @param {Photo} photo */
function set(photo) {
  dropped.set(dropped.get().map((each) => (each.row === photo.row ? photo : each)));
}

/** Find the products of a photo by the name of its file, and upload it to each. @param {Photo} photo */
async function find(photo) {
  set({ ...photo, state: "looking", why: "" });
  const query = new URLSearchParams({ q: stemOf(photo.file.name).slice(0, 255), fields: "id,name,sku,slug", per: String(MOST_PRODUCTS) });
  const reply = await askInTurn(`/api/products/products?${query}`);
  const found = reply.ok ? namedBy(photo.file.name, reply.value.items) : [];
  if (!found.length) return set({ ...photo, state: "unmatched", why: reply.error || "No product has this SKU or name." });
  if (found.length === MOST_PRODUCTS) return set({ ...photo, state: "unmatched", why: `${MOST_PRODUCTS} products or more have this name. Name the file by a SKU.` });
  const [first, ...others] = found;
  const more = others.map((product) => newPhoto(photo.file, { product }));
  const all = dropped.get();
  const at = all.findIndex(({ row }) => row === photo.row) + 1;
  dropped.set([...all.slice(0, at), ...more, ...all.slice(at)]);
  for (const each of [{ ...photo, product: first }, ...more]) send(each);
  return undefined;
}

/** @param {Photo} photo */
async function send(photo) {
  set({ ...photo, state: "uploading", why: "" });
  const { error, image, had } = await upload(photo.product.id, photo.file);
  if (error) return set({ ...photo, state: "failed", why: error });
  return note({ ...photo, image }, had);
}

/** Show the state of the image of a photo. @param {Photo} photo @param {boolean} [had] */
function note(photo, had = false) {
  const { state, reason } = photo.image;
  if (state === "ready") return set({ ...photo, state: had ? "had" : "ready", why: had ? "The product has this photo already." : "" });
  if (state === "failed") return set({ ...photo, state: "failed", why: reason ?? "The thumbnails could not be made." });
  set({ ...photo, state: "waiting" });
  timer ||= setTimeout(look, EVERY);
  return undefined;
}

/** Look at the galleries of photos that wait, some each time. */
async function look() {
  const ids = [...new Set(dropped.get().filter(({ state }) => state === "waiting").map(({ product }) => product.id))];
  const start = ids.length ? (turn += GALLERIES) % ids.length : 0;
  await Promise.all([...ids.slice(start), ...ids.slice(0, start)].slice(0, GALLERIES).map(lookAt));
  const isOver = !dropped.get().some(({ state }) => state === "waiting");
  timer = isOver ? 0 : setTimeout(look, EVERY);
}

/** @param {number | string} id  of a product */
async function lookAt(id) {
  const reply = await askInTurn(galleryOf(id));
  if (!reply.ok && reply.status !== 404) return; // Later again.
  for (const photo of dropped.get()) {
    if (photo.state !== "waiting" || photo.product.id !== id) continue;
    const image = reply.value?.items?.find((/** @type {any} */ each) => each.id === photo.image.id);
    if (image) note({ ...photo, image });
    else set({ ...photo, state: "failed", why: "The photo, or the product, was removed meanwhile." });
  }
}

listen("change", (events) => {
  const waiting = new Set(dropped.get().filter(({ state }) => state === "waiting").map(({ product }) => product.id));
  for (const { service, id } of events) {
    if (service === "products" && waiting.delete(id)) lookAt(id);
  }
});
