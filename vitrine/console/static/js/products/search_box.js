/** The search of the products: the list follows as one types, and suggestions are below. */
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { html } from "../html.js";
import { go } from "../router.js";
import { useAsk } from "../use_ask.js";
import { COLLECTION } from "./paths.js";

const PAUSE = 200; // milliseconds after the last letter

/** @param {{q: string, onSearch: (q: string) => void, onCategory: (slug: string) => void}} props */
export function SearchBox({ q, onSearch, onCategory }) {
  const [text, setText] = useState(q);
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const timer = useRef(0);
  const latest = useRef(onSearch);
  latest.current = onSearch; // Of the list that is shown when the time is over.
  const id = useId();
  const typed = text.trim().slice(0, 200);
  const { value } = useAsk(isOpen && q && typed === q ? `${COLLECTION}/suggest?${new URLSearchParams({ q })}` : "");
  useEffect(() => {
    if (!isOpen) setText(q); // The address has changed: back, or another page.
  }, [q]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const search = (/** @type {string} */ next, delay = 0) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => latest.current(next.trim()), delay);
  };
  const pick = (/** @type {Option} */ option) => {
    setOpen(false);
    clearTimeout(timer.current);
    if (option.word) {
      setText(option.word);
      search(option.word);
    } else if (option.category) {
      setText("");
      onCategory(option.category);
    } else go(`/products/${option.product}`);
  };
  const options = isOpen && value ? optionsOf(value) : [];
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") setAt(Math.min(at + 1, options.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, -1));
    else if (event.key === "Escape" && options.length) setOpen(false);
    else if (event.key === "Enter" && options[at]) pick(options[at]);
    else if (event.key === "Enter") {
      setOpen(false);
      search(text);
    } else return;
    event.preventDefault();
  };
  const isShown = options.length > 0;
  return html`<div class="search" onFocusOut=${(/** @type {any} */ event) => !event.currentTarget.contains(event.relatedTarget) && setOpen(false)}>
    <input type="search" data-filter role="combobox" aria-label="Search products" placeholder="Search by name, SKU, brand, tag …" autocomplete="off" spellcheck=${false} dir="auto"
      aria-expanded=${isShown} aria-controls=${`${id}-list`} aria-autocomplete="list" aria-activedescendant=${isShown && at >= 0 ? `${id}-${at}` : undefined}
      value=${text} maxlength="255" onKeyDown=${onKeyDown} onInput=${(/** @type {any} */ event) => {
        setText(event.target.value);
        setOpen(true);
        setAt(-1);
        search(event.target.value, PAUSE);
      }} />
    <ul role="listbox" id=${`${id}-list`} aria-label="Suggestions" hidden=${!isShown}>${options.map((option, index) => html`<li role="option" key=${option.kind + option.text} id=${`${id}-${index}`}
      aria-selected=${index === at} onPointerDown=${(/** @type {Event} */ event) => {
        event.preventDefault(); // The field keeps the focus.
        pick(option);
      }}><span dir="auto">${option.text}</span><span class="dim small">${option.kind}</span></li>`)}</ul>
  </div>`;
}

/** @typedef {{kind: string, text: string, word?: string, category?: string, product?: number}} Option */

/** @param {any} value @returns {Option[]} */
const optionsOf = ({ words, categories, products }) => [
  ...words.map((/** @type {string} */ word) => ({ kind: "word", text: word, word })),
  ...categories.map((/** @type {any} */ { slug, name }) => ({ kind: "category", text: name, category: slug })),
  ...products.map((/** @type {any} */ { id, name }) => ({ kind: "product", text: name, product: id })),
];
