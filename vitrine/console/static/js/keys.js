/** Keys: `?` shows them, `/` goes to the filter, `g` and a letter to a page, `p` pauses, Ctrl+Z undoes. */
import { undo } from "./edits/undo.js";
import { go } from "./router.js";
import { Value } from "./value.js";

const WAIT = 1500; // milliseconds between `g` and the letter

/** True while the list of keys is shown. */
export const keysShown = new Value(false);

/** @type {{keys: string, text: string}[]} */
export const KEYS = [
  { keys: "?", text: "Show these keys" },
  { keys: "/", text: "Go to the filter of the page" },
  { keys: "p", text: "Pause or continue what is live" },
  { keys: "Ctrl+Z", text: "Undo the last edit of this tab" },
  { keys: "Esc", text: "Close a dialog" },
];

/**
 * Listen to the keys.
 * @param {{path: string, key: string}[]} pages
 */
export function startKeys(pages) {
  let since = -Infinity;
  document.addEventListener("keydown", (event) => {
    if (isTyping(event.target)) return;
    const letter = letterOf(event);
    if (letter === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      return void undo();
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
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

/**
 * Return the small letter of a key; where the layout has other letters, such as Greek or Hebrew ones, the
 * Latin one of its place.
 * @param {KeyboardEvent} event
 */
export function letterOf({ key = "", code = "" }) {
  const isForeign = /^[\p{L}\p{M}]$/u.test(key) && !/^[a-z]$/i.test(key) && /^Key[A-Z]$/.test(code);
  return (isForeign ? code.slice("Key".length) : key).toLowerCase();
}

/** @param {EventTarget | null} target */
const isTyping = (target) =>
  target instanceof Element && Boolean(target.closest(`input:not([type="checkbox"], [type="radio"]), textarea, select, dialog`));

/** @param {string} selector @returns {HTMLElement | null} */
const find = (selector) => document.querySelector(selector);
