/** How an edit is taken back: step by step, or by its service if it was an edit of many items. */
import { ask, isUnanswered } from "../api.js";
import { randomName } from "../random.js";
import { isConflict, resolve, UNDO_WORDS } from "./conflict.js";
import { edits, keep } from "./undo.js";
import { undoBatch } from "./undo_batch.js";
import { compare } from "./undo_left.js";

const STAYS = "It stays as somebody else has left it since.";

/** @param {import("./undo.js").Edit} edit @returns {Promise<import("./undo.js").Outcome>} */
export async function undoAll(edit) {
  if (edit.imported) {
    const module = await import("../imports/take_back.js").catch(() => null); // Few edits need it.
    return module ? module.takeBack(edit.imported) : { error: "A part of the console was not loaded. Reload the page.", remark: "" };
  }
  if (edit.batch) return undoBatches([edit.batch].flat());
  const { error, isLeft } = edit.left ? await compare(edit.left) : { error: "", isLeft: true };
  return isLeft ? undoSteps(edit) : { error, remark: STAYS };
}

/**
 * Take back the steps of an edit, the last one first.
 * @param {import("./undo.js").Edit} edit
 * @returns {Promise<import("./undo.js").Outcome>}
 */
async function undoSteps(edit) {
  const steps = edit.steps ?? [];
  let remark = "";
  while (steps.length) {
    const outcome = await undoStep(/** @type {import("./undo.js").Step} */ (steps.at(-1)), edit.label);
    if (outcome.error) return outcome;
    remark ||= outcome.remark;
    steps.pop();
    keep(edits.get());
  }
  return { error: "", remark };
}

/** @param {import("./undo.js").Step} step @param {string} label  of its edit @returns {Promise<import("./undo.js").Outcome>} */
async function undoStep(step, label) {
  const { service, method, path, body, before, etag, from, key } = step;
  const headers = { ...(etag && { "If-Match": etag }), ...(key && { "Idempotency-Key": key }) };
  const reply = await ask(`/api/${service}${path}`, { method, body, headers });
  if (key && !reply.ok && !isUnanswered(reply)) {
    step.key = randomName(); // The same key has the same refusal.
    keep(edits.get());
  }
  if (!isConflict(reply) || method !== "PATCH") return told(reply, path, from);
  const resolved = await resolve(reply, { service, path, before: before ?? {}, after: body, label, words: UNDO_WORDS });
  return resolved ? told(resolved.reply, path, from) : { error: "", remark: STAYS };
}

/**
 * Return the outcome of a step. Older edits of the item expect what it was before this one, which
 * it is again, under a new ETag.
 * @param {import("../api.js").Reply} reply @param {string} path @param {string} [from]
 */
function told(reply, path, from) {
  if (!reply.ok) return { error: reply.error, remark: "" };
  for (const older of edits.get().flatMap((edit) => edit.steps ?? [])) {
    if (from && older.etag === from && older.path === path) older.etag = reply.etag;
  }
  return { error: "", remark: "" };
}

/** @param {import("./undo.js").Batch[]} batches @returns {Promise<import("./undo.js").Outcome>} */
async function undoBatches(batches) {
  const remarks = [];
  for (const batch of batches.reverse()) {
    const { error, remark } = await undoBatch(batch);
    if (error) return { error, remark };
    if (remark) remarks.push(remark);
  }
  return { error: "", remark: remarks.join(" ") };
}
