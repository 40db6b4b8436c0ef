/** The category of a product: its slug, with suggestions while one types. */
import { useEffect, useId, useState } from "preact/hooks";
import { ask } from "../api.js";
import { html } from "../html.js";

const WAIT = 250; // milliseconds after the last key
const MOST = 20;

/** @param {any} props  of the input */
export function CategoryInput(props) {
  const list = useId();
  const [found, setFound] = useState(/** @type {any[]} */ ([]));
  const [isUsed, setIsUsed] = useState(false);
  const words = props.value.trim();
  useEffect(() => {
    if (!isUsed) return undefined;
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      const query = new URLSearchParams({ fields: "slug,name,path", per: String(MOST), ...(words && { q: words.replaceAll("-", " ").slice(0, 255) }) });
      const reply = await ask(`/api/categories/categories?${query}`, { signal: stop.signal }).catch(() => null);
      if (reply?.ok) setFound(reply.value.items);
    }, WAIT);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [words, isUsed]);
  return html`<input ...${props} list=${list} dir="auto" autocomplete="off" spellcheck=${false} onFocus=${() => setIsUsed(true)} />
    <datalist id=${list}>${found.map(({ slug, name, path }) => html`<option key=${slug} value=${slug}>${name}${path?.length > 1 ? `, in ${path.slice(0, -1).join(" / ")}` : ""}</option>`)}</datalist>`;
}
