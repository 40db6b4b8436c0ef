/** The question of a conflict that is open: which values an item gets. */
import { Value } from "../value.js";

/** @typedef {{before: string, yours: string}} Words  what the dialog calls the values that were seen, and those that are wanted */

/**
 * @typedef {object} Choice  one field with the values that it may get
 * @property {string} name
 * @property {unknown} before
 * @property {unknown} theirs
 * @property {unknown} yours
 */

/** @type {Value<{title: string, choices: Choice[], words: Words, done: (isTheirs: boolean[] | null) => void} | null>} the one that is shown */
export const question = new Value(null);
