/** Requests about imports: files are sent one by one, the rest goes on in the console itself. */
import { ask } from "../api.js";

/**
 * @typedef {object} Import
 * @property {string} id  which the history keeps with each change
 * @property {number} created_at
 * @property {{name: string, bytes: number}[]} files
 * @property {string} state
 * @property {string} error
 * @property {{share: number, rows: number, seconds: number} | null} progress
 * @property {Record<string, any>} options
 * @property {any[] | null} plan  what was found out about each file; a list of imports has none
 * @property {string[]} scopes
 * @property {{reports: any[], seconds: number} | null} checked  of the dry run
 * @property {{reports: any[], seconds: number} | null} done
 * @property {number} changes  items that the reports call created or changed, in all runs
 * @property {Undone | null} undone
 */

/**
 * @typedef {object} Undone
 * @property {boolean} is_known  false if no service knows the import: it has written nothing
 * @property {Record<string, number>} done
 * @property {string[]} kept  the first values that were changed since
 * @property {number} left  the number of all of them
 * @property {string[]} refused  the first requests that a service refused
 * @property {number} refusals  the number of all of them
 * @property {string[]} hidden  why a service was left out
 */

const BUSY = ["reading", "checking", "running", "undoing"];

/** True while the console works on an import. @param {Import | null} one */
export const isBusy = (one) => Boolean(one && BUSY.includes(one.state));

/** @param {string} id */
export const pathOf = (id) => `/imports/${encodeURIComponent(id)}`;

/** What is said of an import that has written nothing. */
export const NOTHING = "No service knows the import: it has written nothing, or is older than their history.";

/** What `vitrine import shop` does without options. */
export const NO_OPTIONS = { format: "", currency: "", weight_unit: "", decimal: "", encoding: "", separator: "", sheet: "", photos: true };

/**
 * Send files, then have them read.
 * @param {File[]} files
 * @param {string} id  of an import that gets them; empty for a new one
 * @param {(text: string) => void} tell  which file is sent
 * @returns {Promise<{id: string, error: string}>}
 */
export async function send(files, id, tell) {
  let own = id;
  let options = NO_OPTIONS;
  for (const file of files) {
    tell(file.name);
    const path = own ? `${pathOf(own)}/files` : "/imports";
    const reply = await ask(`${path}?${new URLSearchParams({ name: file.name })}`, { method: "POST", file });
    if (!reply.ok) return { id: own, error: reply.error };
    own = reply.value.id;
    options = reply.value.options ?? options; // Another file is read as those before it.
  }
  const read = await ask(`${pathOf(own)}/plan`, { method: "POST", body: options });
  return { id: own, error: read.error };
}
