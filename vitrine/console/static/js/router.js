/** The page that is shown, and the ways to another one without loading everything again. */
import { Value } from "./value.js";

/** The path of the shown page. */
export const path = new Value(location.pathname);

/** The query string of the address, with its `?`; empty if there is none. */
export const query = new Value(location.search);

/** The name of what is shown, such as that of a product; empty if the name of the page says all. */
export const title = new Value("");

/** @param {string} to */
export function go(to) {
  const url = new URL(to, location.href);
  if (url.href === location.href) return;
  const isOther = url.pathname !== location.pathname;
  history.pushState(null, "", url);
  note();
  if (isOther) scrollTo(0, 0);
}

/**
 * Put another query string into the address of the page, without a step for the browser's back.
 * @param {URLSearchParams} parameters
 */
export function replaceQuery(parameters) {
  const text = parameters.toString();
  history.replaceState(null, "", location.pathname + (text && `?${text}`));
  note();
}

/**
 * Put another address of the same page in the place of the one that is shown.
 * @param {string} to
 */
export function replacePath(to) {
  history.replaceState(null, "", to);
  note();
}

/** Follow links inside the console, and the browser's back and forward; no file takes the place of the console. */
export function startRouter() {
  for (const name of ["dragover", "drop"]) document.addEventListener(name, keepPage);
  addEventListener("popstate", note);
  document.addEventListener("click", (event) => {
    const link = /** @type {Element} */ (event.target).closest?.("a[href^='/']");
    const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button);
    if (!link || !isPlain || link.hasAttribute("target")) return;
    event.preventDefault();
    go(/** @type {HTMLAnchorElement} */ (link).href);
  });
}

/** A file that is dropped where nothing expects it would be shown instead of the page. @param {Event} event */
function keepPage(event) {
  const { dataTransfer } = /** @type {DragEvent} */ (event);
  if (event.defaultPrevented || !dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  dataTransfer.dropEffect = "none";
}

function note() {
  query.set(location.search);
  path.set(location.pathname);
}
