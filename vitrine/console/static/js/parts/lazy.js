/** Parts of the console whose modules are loaded when they are shown or used. */
import { useLayoutEffect, useState } from "preact/hooks";
import { html } from "../html.js";
import { say } from "../said.js";
import { servicesReply } from "../services.js";
import { Notice } from "./notice.js";

const RELOAD_AFTER = 5000; // milliseconds that the console is shown before it is loaded anew, at least

/** @typedef {() => Promise<any>} Load  imports a module */

/** @type {Map<Load, any>} the modules that have come */
const modules = new Map();

/** Load a module, and the part of it that is shown at first, so that both are shown at once. @param {Load} load */
export async function loadPart(load) {
  const module = await load();
  await module.loadFirst?.();
  modules.set(load, module);
}

/**
 * Load a module and do something with it.
 * @template T
 * @param {() => Promise<T>} load @param {(module: T) => void} act
 */
export async function actWith(load, act) {
  const module = await load().catch(() => null);
  if (module) act(module);
  else say("A part of the console was not loaded. Reload the page.");
}

/**
 * A browser may never ask again for a module that did not come. So the whole page is loaded anew
 * when the console answers, but not again and again at once, as the module may be missing for good.
 * @param {{load: Load, part: string, title?: string, props?: Record<string, unknown>}} props
 *   `part` is the name of the component in its module; `title` is the heading of a page until it is there
 */
export function Lazy({ load, part, title = "", props = {} }) {
  const [isLoaded, setLoaded] = useState(modules.has(load));
  const [failed, setFailed] = useState(false);
  useLayoutEffect(() => {
    if (!isLoaded) loadPart(load).then(() => setLoaded(true), () => setFailed(true));
  }, []);
  useLayoutEffect(() => {
    if (!failed) return undefined;
    return servicesReply.watch((reply) => {
      if (reply?.ok && performance.now() > RELOAD_AFTER) location.reload();
    });
  }, [failed]);
  if (failed) return html`<${Notice} kind="bad" label="Not loaded.">This page is loaded anew when the console answers.<//>`;
  if (isLoaded) return html`<${modules.get(load)[part]} ...${props} />`;
  return title ? html`<h1 class="hidden">${title}</h1>` : null;
}
