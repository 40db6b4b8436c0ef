/**
 * A picture of a product.
 *
 * It is fetched, because an `img` cannot send a token, and shown from memory. A picture never changes
 * under its name, so those that were shown last are kept.
 */
import { useEffect, useState } from "preact/hooks";
import { headersOf } from "../requests/headers.js";
import { html } from "../html.js";

const MOST = 300; // pictures that are kept

/** @type {Map<string, Promise<string>>} URLs in memory by path, the last used ones at the end */
const kept = new Map();

/**
 * Return the URL in memory of a picture; empty if it cannot be had.
 * @param {string} path  such as /media/9f86…/small.webp
 * @returns {Promise<string>}
 */
function load(path) {
  const known = kept.get(path) ?? fetchPicture(path);
  kept.delete(path);
  kept.set(path, known);
  if (kept.size > MOST) {
    const [oldest, url] = /** @type {[string, Promise<string>]} */ (kept.entries().next().value);
    kept.delete(oldest);
    url.then((text) => text && URL.revokeObjectURL(text));
  }
  return known;
}

/** @param {string} path @returns {Promise<string>} */
async function fetchPicture(path) {
  try {
    const url = `/api/products${path}`;
    // A picture in a bucket is a redirect to another host, where the policy of the page lets nothing go.
    const response = await fetch(url, { headers: headersOf({ method: "GET", path: url, body: "" }), redirect: "manual" });
    if (response.ok) return URL.createObjectURL(await response.blob());
  } catch {
    // Shown as a picture that is not there.
  }
  kept.delete(path);
  return "";
}

/**
 * @param {{image: any, size?: "small" | "medium" | "large", alt?: string}} props  `image` has thumbnails or not
 */
export function Picture({ image, size = "small", alt = "" }) {
  const thumbnail = image?.thumbnails?.[size];
  const path = thumbnail?.webp ?? thumbnail?.jpeg ?? "";
  const [url, setUrl] = useState("");
  useEffect(() => {
    let isShown = true;
    setUrl("");
    if (path) load(path).then((text) => isShown && setUrl(text));
    return () => {
      isShown = false;
    };
  }, [path]);
  if (!url) return html`<span class="picture none" role=${alt ? "img" : undefined} aria-label=${alt || undefined}></span>`;
  return html`<img class="picture" src=${url} alt=${alt} width=${thumbnail.width} height=${thumbnail.height} draggable=${false} />`;
}
