/** Keys: `?` shows them, `/` goes to the filter, `g` and a letter to a page, `p` pauses, F6 goes on to the next part, Ctrl+Z undoes. */
import { undo } from "./edits/undo.js";
import { go } from "./router.js";
import { Value } from "./value.js";

const WAIT = 1500; // milliseconds between `g` and the letter
const PARTS = ".panel, aside, .order-bulk, .column, [role='grid'], [role='tree']"; // of a page, between which F6 goes
const REACHED = ["a[href]", "button", "input", "select", "textarea", "[tabindex='0']"].map((each) => `${each}:not(:disabled, [tabindex="-1"])`).join();

const TYPED = `input:not([type="checkbox"], [type="radio"], [type="file"]), textarea, dialog`;

/** True while the list of keys is shown. */
export const keysShown = new Value(false);

/** @type {{keys: string, text: string}[]} */
export const KEYS = [
  { keys: "?", text: "Show these keys" },
  { keys: "/", text: "Go to the filter of the page" },
  { keys: "F6 Shift+F6", text: "Go to the next part of the page, to the one before" },
  { keys: "p", text: "Pause or continue what is live" },
  { keys: "Ctrl+Z", text: "Undo the last edit of this tab" },
  { keys: "Esc", text: "Close a dialog" },
];

/** The keys of single pages, by their paths. @type {Record<string, {keys: string, text: string}[]>} */
export const PAGE_KEYS = {
  "/products": [
    { keys: "Enter", text: "Edit the cell" },
    { keys: "Space", text: "Select the row" },
    { keys: "Shift+↓ Ctrl+A", text: "Select more rows, all rows" },
    { keys: "Ctrl+S", text: "Save the form of a product" },
  ],
  "/categories": [
    { keys: "Alt+→ Alt+←", text: "Move the category into the one above it, or out" },
    { keys: "F2 Delete", text: "Rename, delete the category" },
  ],
  "/orders": [
    { keys: "Space", text: "Select the order" },
    { keys: "n x", text: "Take the next step of the order, cancel it" },
  ],
};

/**
 * Listen to the keys.
 * @param {{path: string, key: string}[]} pages
 */
export function startKeys(pages) {
  let since = -Infinity;
  document.addEventListener("keydown", (event) => {
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "F6" && isPlain && !find("dialog[open]")) {
      event.preventDefault();
      return goToPart(event.shiftKey ? -1 : 1);
    }
    if (isWithin(event.target, TYPED)) return; // It has an undo of its own.
    const letter = letterOf(event);
    if (letter === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      return void undo();
    }
    if (!isPlain || isWithin(event.target, "select")) return;
    const isSecond = event.timeStamp - since < WAIT;
    const plain = event.shiftKey ? "" : letter;
    since = plain === "g" ? event.timeStamp : -Infinity;
    const page = isSecond && pages.find((each) => each.key === plain);
    if (page) go(page.path);
    else if (event.key === "?") keysShown.set(true);
    else if (event.key === "/") find("[data-filter]")?.focus();
    else if (plain === "p") find("[data-pause]")?.click();
    else return;
    event.preventDefault();
  });
}

/** Focus the first control of the part of the page that follows the focus, or is before it. @param {1 | -1} step */
function goToPart(step) {
  const now = document.activeElement;
  // Of a grid that is a cell, not what stands in its head.
  const first = (/** @type {Element} */ part) => /** @type {HTMLElement | null} */ (part.querySelector(part.matches("[role='grid'], [role='tree']") ? "[tabindex='0']" : REACHED));
  const controls = [...document.querySelectorAll(PARTS)].map(first).filter((each) => each !== null);
  const isOn = (/** @type {HTMLElement} */ control) => {
    if (control === now) return false;
    if (!now || now.contains(control)) return step === 1;
    return Boolean(now.compareDocumentPosition(control) & (step === 1 ? Node.DOCUMENT_POSITION_FOLLOWING : Node.DOCUMENT_POSITION_PRECEDING));
  };
  const next = step === 1 ? controls.find(isOn) : controls.findLast(isOn);
  next?.focus();
}

/**
 * Return the small letter of a key; where the layout has other letters, such as Greek or Hebrew ones, the
 * Latin one of its place.
 * @param {KeyboardEvent} event
 */
export function letterOf({ key = "", code = "" }) {
  const isForeign = /^[\p{L}\p{M}]$/u.test(key) && !/^[a-z]$/i.test(key) && /^Key[A-Z]$/.test(code);
  return (isForeign ? code.slice("Key".length) : key).toLowerCase();
}

/** @param {EventTarget | null} target @param {string} selector */
const isWithin = (target, selector) => target instanceof Element && Boolean(target.closest(selector));

/** @param {string} selector @returns {HTMLElement | null} */
const find = (selector) => document.querySelector(selector);
