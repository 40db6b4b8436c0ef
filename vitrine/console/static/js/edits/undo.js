/**
 * The edits of this tab, to be taken back one after the other, also after a reload.
 *
 * Each step is the request that takes a write back, with the ETag of what was written. So a step never
 * takes back what somebody else changed since: the service refuses it, and the reader is asked, field
 * by field. Edits of many items are known by the id of their import, from which the service says how to
 * take back each item.
 */
import { ask } from "../api.js";
import { counted } from "../format.js";
import { takeBack } from "../imports/requests.js";
import { say } from "../said.js";
import { Value } from "../value.js";
import { decide } from "./conflict.js";

const KEY = "vitrine.edits";
const MOST = 50; // edits that are kept

/**
 * @typedef {object} Step  a request that takes back a write of one item
 * @property {string} service
 * @property {string} method
 * @property {string} path  of the service, such as /products/12
 * @property {any} [body]
 * @property {Record<string, unknown>} [before]  the values that the write has left, by field
 * @property {string} etag  of the item after the write; empty if it has none
 * @property {string} [from]  the ETag before the write
 */

/**
 * @typedef {object} Edit
 * @property {string} label  what was done, such as "price of Teapot"
 * @property {Step[]} [steps]
 * @property {string} [imported]  instead of steps: the id of an import, which the console takes back
 * @property {{service: string, path: string, id: string}} [batch]  instead of steps: the path of the collection and the id of the import
 */

/** @type {Value<Edit[]>} the oldest first */
export const edits = new Value(kept());

let busy = false;

/** @param {Edit} edit */
export function remember(edit) {
  keep([...edits.get(), edit].slice(-MOST));
}

/**
 * Take back an edit, the last one of this tab. Nothing is lost if that fails: the edit stays, to be tried again.
 * @param {Edit} [edit]
 */
export async function undo(edit = edits.get().at(-1)) {
  if (!edit) return say("There is nothing to undo in this tab.");
  if (busy) return say("The undo before is still running.");
  busy = true;
  try {
    const error = edit.imported ? await undoImport(edit.imported) : edit.batch ? await undoBatch(edit.batch) : await undoSteps(edit);
    if (error) return say(`Not undone: ${edit.label}. ${error}`);
    keep(edits.get().filter((each) => each !== edit));
    return say(`Undone: ${edit.label}.`);
  } finally {
    busy = false;
  }
}

/**
 * Take back the steps of an edit, the last one first.
 * @param {Edit} edit
 * @returns {Promise<string>} why it failed; empty if all is well
 */
async function undoSteps(edit) {
  for (const step of [...(edit.steps ?? [])].reverse()) {
    const error = await undoStep(step);
    if (error) return error;
    edit.steps?.splice(edit.steps.indexOf(step), 1);
    keep(edits.get());
  }
  return "";
}

/** @param {Step} step */
async function undoStep(step) {
  const { service, method, path, body } = step;
  const headers = step.etag ? { "If-Match": step.etag } : {};
  let reply = await ask(`/api/${service}${path}`, { method, body, headers });
  if (reply.status === 412 && reply.value?.differing) {
    const next = await decide({ reply, service, path, after: body, before: step.before ?? {} });
    if (!next) return reply.error;
    reply = next;
  }
  if (!reply.ok) return reply.error;
  // Older edits of the item expect what it was before this one, which it is again, under a new ETag.
  const older = edits.get().flatMap((edit) => edit.steps ?? []);
  for (const each of older) if (step.from && each.etag === step.from && each.path === path) each.etag = reply.etag;
  return "";
}

/**
 * Take back an edit of many items, as its service says. What was changed since stays as it is.
 * @param {{service: string, path: string, id: string}} batch
 */
async function undoBatch({ service, path, id }) {
  const known = `/api/${service}${path}:imports/${encodeURIComponent(id)}`;
  let kept = 0;
  for (let cursor = ""; ; ) {
    const reply = await ask(`${known}${cursor && `?cursor=${encodeURIComponent(cursor)}`}`);
    if (!reply.ok) return reply.error;
    for (const effect of reply.value.items) {
      if (effect.kept.length) kept += 1;
      const error = effect.undo && (await sendInverse(service, id, effect.undo));
      if (error) return error;
    }
    cursor = reply.value.next_cursor ?? "";
    if (!cursor) break;
  }
  if (kept) say(`${counted(kept, "item")} had changed since, and stays as somebody else left it.`);
  return "";
}

/**
 * Take back an import of files, of all services.
 * @param {string} id
 */
async function undoImport(id) {
  say("The import is taken back.");
  const { error, left } = await takeBack(id);
  if (left) say(`${counted(left, "value")} had changed since, and stayed as they are.`);
  return error;
}

/** @param {string} service @param {string} id @param {{method: string, path: string, body: any, if_match: string | null}} request */
async function sendInverse(service, id, { method, path, body, if_match: match }) {
  /** @type {Record<string, string>} */
  const headers = { "Import-ID": `undo-${id}`, ...(match && { "If-Match": match }) };
  const reply = await ask(`/api/${service}${path}`, { method, body: body ?? undefined, headers });
  return reply.ok ? "" : reply.error;
}

/** @param {Edit[]} all */
function keep(all) {
  sessionStorage.setItem(KEY, JSON.stringify(all));
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
