/** A conflict: somebody else changed the item since it was read, and the reader decides, field by field. */
import { ask } from "../api.js";
import { same } from "./same.js";
import { question } from "./question.js";

/**
 * @typedef {object} Write  a change of some fields of an item
 * @property {string} service
 * @property {string} path  of the service, such as /products/12
 * @property {Record<string, unknown>} before  the values of these fields that the reader has seen
 * @property {Record<string, unknown>} after  the values that the reader wants
 * @property {string} label  what is written, such as "price of Teapot"
 * @property {Words} [words]
 */

/** @typedef {import("./question.js").Words} Words */

/** @type {Words} */
const WORDS = { before: "before", yours: "yours" };

/** @type {Words} the values that an undo expects, and those that it puts back */
export const UNDO_WORDS = { before: "after your edit", yours: "as before" };

let last = Promise.resolve(/** @type {any} */ (null));

/**
 * Ask the reader which values to keep, after the questions that are open already.
 * @param {string} title
 * @param {import("./question.js").Choice[]} choices
 * @param {Words} [words]
 * @returns {Promise<boolean[] | null>} for each choice, true for theirs; null to leave all as it is
 */
export function choose(title, choices, words = WORDS) {
  const answer = last.then(() => new Promise((resolve) => question.set({ title, choices, words, done: resolve })));
  last = answer.then(() => question.set(null));
  return answer;
}

/**
 * Send a write again that met another one (412).
 *
 * Fields that nobody else has changed are sent as they are; of the others the reader chooses.
 * @param {import("../api.js").Reply} reply  the refusal, with `differing` and `current_etag`
 * @param {Write} write
 * @returns {Promise<{reply: import("../api.js").Reply, write: Write, from: string} | null>}
 *   the answer, what was sent, and the ETag before; null if the reader keeps what is stored
 */
export async function resolve(reply, write) {
  const { differing, current_etag: from } = reply.value;
  const foreign = Object.entries(differing).filter(([name, { stored, sent }]) => !same(stored, write.before[name]) && !same(stored, sent));
  let { before, after } = write;
  if (foreign.length) {
    const choices = foreign.map(([name, { stored, sent }]) => ({ name, before: before[name], theirs: stored, yours: sent }));
    const isTheirs = await choose(`${capital(write.label)} was changed by somebody else meanwhile`, choices, write.words);
    const left = choices.filter((_, at) => !isTheirs || isTheirs[at]).map(({ name }) => name);
    after = Object.fromEntries(Object.entries(after).filter(([name]) => !left.includes(name)));
    if (!isTheirs || !Object.keys(after).length) return null;
    before = { ...before, ...Object.fromEntries(choices.map(({ name, theirs }) => [name, theirs])) };
  }
  const sent = { ...write, before, after };
  const next = await ask(`/api/${write.service}${write.path}`, { method: "PATCH", body: after, headers: { "If-Match": from } });
  if (isConflict(next)) return resolve(next, sent); // It was changed again meanwhile.
  return { reply: next, write: sent, from };
}

/** @param {string} text */
const capital = (text) => text.replace(/^\p{Ll}/u, (letter) => letter.toUpperCase());

/** @param {import("../api.js").Reply} reply */
export const isConflict = (reply) => reply.status === 412 && Boolean(reply.value?.differing && reply.value.current_etag);
