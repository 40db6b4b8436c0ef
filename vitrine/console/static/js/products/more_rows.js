/** The end of the list: the next page comes when it is seen, or by a button. */
import { useEffect, useRef } from "preact/hooks";
import { counted, number } from "../format.js";
import { html } from "../html.js";
import { MOST } from "./use_rows.js";

const AUTOMATIC = 500; // rows; further ones come by the button

/** @param {{rows: import("./use_rows.js").Rows}} props */
export function MoreProducts({ rows }) {
  const end = useRef(/** @type {HTMLElement | null} */ (null));
  const now = useRef(rows);
  now.current = rows;
  const { next, items, isBusy } = rows;
  useEffect(() => {
    if (!next || !end.current) return undefined;
    const seen = new IntersectionObserver(([entry]) => {
      if (entry.isIntersecting && scrollY > 0 && now.current.items.length < AUTOMATIC) now.current.showMore();
    });
    seen.observe(end.current);
    return () => seen.disconnect();
  }, [next]);
  if (!next) return null;
  const isFull = items.length >= MOST;
  return html`<div class="more" ref=${end}>
    <button type="button" aria-disabled=${isBusy} onClick=${rows.showMore}>${isFull ? `Show the next instead of these ${number(items.length)}` : "Show more"}</button>
    <span class="dim">${counted(items.length, "row")} so far</span></div>`;
}
