/** Writes of pictures that meet those of others: pictures share the ETag of their product, so values are compared. */
import { ask } from "../api.js";
import { choose } from "../edits/conflict.js";
import { say } from "../said.js";
import { same } from "../edits/same.js";

/**
 * Compare a picture with what the reader saw; where it is another one by now, the reader decides.
 * @param {string} path  of the picture
 * @param {Record<string, unknown>} seen
 * @param {Record<string, unknown>} wanted
 * @param {string} label
 * @returns {Promise<Record<string, unknown> | null>} the values before the write; null if nothing is to be written
 */
export async function settle(path, seen, wanted, label) {
  const read = await ask(path);
  if (!read.ok) {
    say(read.error);
    return null;
  }
  const names = Object.keys(seen);
  const stored = Object.fromEntries(names.map((name) => [name, read.value[name] ?? null]));
  const foreign = names.filter((name) => !same(stored[name], seen[name]) && !same(stored[name], wanted[name]));
  if (!foreign.length) return stored;
  const choices = foreign.map((name) => ({ name: label, before: seen[name], theirs: stored[name], yours: wanted[name] }));
  const isTheirs = await choose(`The ${label} was changed by somebody else meanwhile`, choices);
  return isTheirs?.some((each) => !each) ? stored : null;
}

/**
 * What a write has left, to be compared before its undo.
 * @param {string} path  of the service @param {any} options  of the request @param {any} answer
 * @returns {import("../edits/undo_left.js").Left | undefined}
 */
export function leftBy(path, { method, body }, answer) {
  if (method === "PUT") return { service: "products", path, order: answer.items.map((/** @type {any} */ { id }) => id) };
  if (method !== "PATCH") return undefined;
  return { service: "products", path, values: Object.fromEntries(Object.keys(body).map((name) => [name, answer[name] ?? null])) };
}
