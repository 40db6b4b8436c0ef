/** The page that is shown, and the ways to another one without loading everything again. */
import { Value } from "./value.js";

/** The path of the shown page. */
export const path = new Value(location.pathname);

/** @param {string} to */
export function go(to) {
  const url = new URL(to, location.href);
  if (url.href === location.href) return;
  history.pushState(null, "", url);
  path.set(url.pathname);
  scrollTo(0, 0);
}

/** Follow links inside the console, and the browser's back and forward. */
export function startRouter() {
  addEventListener("popstate", () => path.set(location.pathname));
  document.addEventListener("click", (event) => {
    const link = /** @type {Element} */ (event.target).closest?.("a[href^='/']");
    const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button);
    if (!link || !isPlain || link.hasAttribute("target")) return;
    event.preventDefault();
    go(/** @type {HTMLAnchorElement} */ (link).href);
  });
}
