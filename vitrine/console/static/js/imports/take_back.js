/** The undo of an import of files: the console does it, as `vitrine import --undo` does. */
import { ask } from "../api.js";
import { counted } from "../format.js";
import { say } from "../said.js";
import { isBusy, NOTHING, pathOf } from "./requests.js";

const EVERY = 400; // milliseconds between two looks
const TRIES = 30; // looks in a row without an answer

/**
 * Have the console take an import back, and wait for the end.
 * @param {string} id
 * @returns {Promise<{error: string, remark: string}>}
 */
export async function takeBack(id) {
  const begun = await ask(`${pathOf(id)}/undo`, { method: "POST" });
  if (!begun.ok) return { error: begun.error, remark: "" };
  say("Taking the import back.");
  for (let failed = 0; failed < TRIES; failed += 1) {
    await new Promise((resolve) => setTimeout(resolve, EVERY));
    const { ok, status, value, error } = await ask(pathOf(id));
    if (!ok && status && status < 500) return { error, remark: "" };
    if (ok && !isBusy(value)) return { error: value.error, remark: value.undone ? remarkOf(value.undone) : "" };
    if (ok) failed = -1;
  }
  return { error: "The console does not answer. If it has begun the undo, the page of the import shows its end.", remark: "" };
}

/**
 * What is not taken back, and why.
 * @param {import("./requests.js").Undone} undone
 */
function remarkOf({ is_known: isKnown, left, refusals, hidden }) {
  if (!isKnown) return NOTHING;
  const parts = [...hidden];
  if (left) parts.unshift(`${counted(left, "value")} had changed since, and stayed as ${left === 1 ? "it is" : "they are"}.`);
  if (refusals) parts.push(`${counted(refusals, "request")} ${refusals === 1 ? "was" : "were"} refused; the page of the import says why.`);
  return parts.join(" ");
}
