/** Search in the tree: as one types, the first categories with their paths; one is chosen. */
import { useEffect, useId, useState } from "preact/hooks";
import { ask } from "../api.js";
import { html } from "../html.js";

const WAIT = 150; // milliseconds after the last letter
const PER = 12;

/**
 * @param {{label: string, onPick: (item: any) => void, filter?: boolean, keep?: boolean}} props
 *   `filter`: the key `/` leads here; `keep`: the chosen name stays in the field
 */
export function CategorySearch({ label, onPick, filter = false, keep = false }) {
  const id = useId();
  const [text, setText] = useState("");
  const [found, setFound] = useState(/** @type {any[] | null} */ (null));
  const [error, setError] = useState("");
  const [at, setAt] = useState(0);
  const [picked, setPicked] = useState("");
  useEffect(() => {
    if (!text.trim() || text === picked) return void setFound(null);
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      const query = new URLSearchParams({ q: text, per: String(PER), fields: "id,slug,name,parent,path" });
      const reply = await ask(`/api/categories/categories?${query}`, { signal: stop.signal }).catch(() => null);
      if (!reply) return;
      setError(reply.error);
      setFound(reply.ok ? reply.value.items : null);
      setAt(0);
    }, WAIT);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text]);
  const pick = (/** @type {any} */ item) => {
    if (!item) return;
    setFound(null);
    setPicked(keep ? item.name : "");
    setText(keep ? item.name : "");
    onPick(item);
  };
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (!found?.length) return;
    if (event.key === "ArrowDown") setAt((at + 1) % found.length);
    else if (event.key === "ArrowUp") setAt((at + found.length - 1) % found.length);
    else if (event.key === "Enter") pick(found[at]);
    else if (event.key === "Escape") setFound(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<div class="finder">
    <label><span class="hidden">${label}</span><input type="search" placeholder=${label} role="combobox" aria-autocomplete="list"
      aria-expanded=${Boolean(found)} aria-controls=${id} aria-activedescendant=${found?.length ? `${id}-${at}` : undefined} data-filter=${filter || undefined}
      autocomplete="off" spellcheck=${false} value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} onKeyDown=${press} /></label>
    ${found && html`<ul role="listbox" id=${id} aria-label=${label}>
      ${found.map((item, index) => html`<li role="option" key=${item.id} id=${`${id}-${index}`} aria-selected=${index === at} onClick=${() => pick(item)}>
        <b dir="auto">${item.name}</b>${" "}<span class="dim small" dir="auto">${(item.path ?? []).slice(0, -1).join(" / ")}</span></li>`)}
      ${!found.length && html`<li role="option" aria-selected="false" aria-disabled="true" class="dim">No category has these words.</li>`}
    </ul>`}
    ${error && html`<p class="bad small" role="alert">${error}</p>`}
  </div>`;
}
