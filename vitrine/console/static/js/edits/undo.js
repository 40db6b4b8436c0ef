/**
 * The edits of this tab, to be taken back one after the other, also after a reload.
 *
 * Each step is the request that takes a write back, with the ETag of what was written. So a step never
 * takes back what somebody else changed since: the service refuses it, and the reader is asked, field
 * by field. Edits of many items are known by the id of their import, from which the service says how to
 * take back each item.
 */
import { say } from "../said.js";
import { Value } from "../value.js";

const KEY = "vitrine.edits";
const MOST = 50; // edits that are kept
const NOT_LOADED = { error: "A part of the console was not loaded. Reload the page.", remark: "" };

/**
 * @typedef {object} Step  a request that takes back a write of one item
 * @property {string} service
 * @property {string} method
 * @property {string} path  of the service, such as /products/12
 * @property {any} [body]
 * @property {Record<string, unknown>} [before]  the values that the write has left, by field
 * @property {string} etag  of the item after the write; empty if it has none
 * @property {string} [from]  the ETag before the write
 * @property {string} [key]  of a POST that must not be carried out twice: its Idempotency-Key
 */

/** @typedef {{service: string, path: string, id: string}} Batch  the path of the collection and the id of the import */

/**
 * @typedef {object} Edit
 * @property {string} label  what was done, such as "price of Teapot"
 * @property {Step[]} [steps]
 * @property {import("./undo_left.js").Left} [left]  what the write has left in a part that has no ETag of its own
 * @property {string} [imported]  instead of steps: the id of an import of files, which the console takes back
 * @property {Batch | Batch[]} [batch]  instead of steps; of several, the last one is taken back first
 */

/** @typedef {{error: string, remark: string}} Outcome  why it failed, and what else the reader should know */

/** @type {Value<Edit[]>} the oldest first */
export const edits = new Value(kept());

/** True while an edit is taken back. */
export const undoing = new Value(false);

/**
 * Keep an edit, and tell the reader how to take it back.
 * @param {Edit} edit
 * @param {string} [text]  what is said; "Saved" and the label without it
 */
export function remember(edit, text = `Saved: ${edit.label}.`) {
  keep([...edits.get(), edit].slice(-MOST));
  say(text, { label: "Undo", run: () => undo() });
}

/** Forget an edit that has written nothing. @param {Edit} edit */
export function forget(edit) {
  keep(edits.get().filter((each) => each !== edit));
}

/**
 * Take back an edit, the last one of this tab. Nothing is lost if that fails: the edit stays, to be tried again.
 * @param {Edit} [edit]
 */
export async function undo(edit = edits.get().at(-1)) {
  if (!edit) return say("There is nothing to undo in this tab.");
  if (undoing.get()) return say("The undo before is still running.");
  undoing.set(true);
  try {
    const module = await import("./undo_steps.js").catch(() => null); // Most pages are left without an undo.
    const { error, remark } = module ? await module.undoAll(edit) : NOT_LOADED;
    if (error) return say(`Not undone: ${edit.label}. ${error}`, { label: "Try again", run: () => undo(edit) }, { label: "Leave it out", run: () => leaveOut(edit) });
    forget(edit);
    return say(remark ? `Undone as far as possible: ${edit.label}. ${remark}` : `Undone: ${edit.label}.`);
  } finally {
    undoing.set(false);
  }
}

/** Forget an edit that cannot be taken back, so that those before it can. @param {Edit} edit */
function leaveOut(edit) {
  forget(edit);
  say(`It stays as it is: ${edit.label}.`);
}

/** Keep edits, or what is left of them, instead of those before. @param {Edit[]} all */
export function keep(all) {
  for (let from = 0; from < all.length; from += 1) {
    try {
      sessionStorage.setItem(KEY, JSON.stringify(all.slice(from)));
      break;
    } catch {
      // The storage of the tab is full: the oldest edit goes.
    }
  }
  if (!all.length) sessionStorage.removeItem(KEY);
  edits.set([...all]);
}

/** @returns {Edit[]} */
function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
  } catch {
    return [];
  }
}
