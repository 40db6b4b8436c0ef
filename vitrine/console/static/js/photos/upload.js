/** Uploads of photos to products: a few at a time, and later again when a service says so. */
import { ask } from "../api.js";
import { randomName } from "../random.js";
import { Places } from "./places.js";

const AT_ONCE = 4; // a browser has six connections for the console
const TRIES = 10; // of a request that is told to come later
const LONGEST = 60; // seconds between two of them

const places = new Places(AT_ONCE);

/** @typedef {import("../api.js").Reply} Reply */

/**
 * Send a request when a place is free; again if the services have too much to do, or do not answer.
 * @param {string} path
 * @param {import("../api.js").Options} [options]
 * @returns {Promise<Reply>}
 */
export function askInTurn(path, options) {
  return places.run(async () => {
    let reply = await ask(path, options);
    for (let tries = 1; tries < TRIES && isLater(reply); tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(reply.retry || 1, LONGEST) * 1000));
      reply = await ask(path, options);
    }
    return reply;
  });
}

/** True if the same request may be answered later. @param {Reply} reply */
const isLater = ({ status, retry }) => [0, 429, 502, 503].includes(status) || (status === 409 && retry > 0);

/** @param {number | string} id */
export const galleryOf = (id) => `/api/products/products/${encodeURIComponent(id)}/images`;

/** @typedef {{error: string, image: any, had: boolean}} Uploaded */

/** @type {Map<number | string, Promise<any>>} the last upload of each product: its pictures keep their order */
const last = new Map();

/**
 * Give a photo to a product, after those before it, unless the product has it.
 * @param {number | string} id  of the product
 * @param {File} file
 * @returns {Promise<Uploaded>}
 */
export function upload(id, file) {
  const own = Promise.resolve(last.get(id)).then(() => uploadNow(id, file));
  last.set(id, own);
  return own.finally(() => last.get(id) === own && last.delete(id));
}

/** @param {number | string} id @param {File} file @returns {Promise<Uploaded>} */
async function uploadNow(id, file) {
  const [digest, gallery] = await Promise.all([digestOf(file), askInTurn(galleryOf(id))]);
  if (!gallery.ok) return { error: gallery.error, image: null, had: false };
  const same = digest && gallery.value.items.find((/** @type {any} */ image) => image.sha256 === digest && image.state !== "failed");
  if (same) return { error: "", image: same, had: true };
  const form = new FormData();
  form.append("image", file);
  const reply = await askInTurn(galleryOf(id), { method: "POST", file: form, headers: { "Idempotency-Key": randomName() } });
  return { error: reply.ok ? "" : (reply.value?.detail ?? reply.error), image: reply.value?.items?.[0] ?? null, had: false };
}

/**
 * Return the SHA-256 of a file; empty where the browser does not compute one, or cannot read the file.
 * @param {File} file
 */
async function digestOf(file) {
  try {
    const bytes = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  } catch {
    return ""; // The page came by plain HTTP from another machine: such pages have no digests.
  }
}
