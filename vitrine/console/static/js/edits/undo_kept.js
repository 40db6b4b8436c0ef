/** What the undo of an edit of many items leaves, because somebody else has changed it since: the reader decides. */
import { ask } from "../api.js";
import { counted } from "../format.js";
import { same } from "./same.js";
import { choose, UNDO_WORDS } from "./conflict.js";

const MOST = 20; // values that a reader is asked about

/**
 * @typedef {object} Kept  a value that was changed since
 * @property {string} path  of the item
 * @property {string} pointer  of the field; empty for the item as a whole
 * @property {unknown} from  before the edit
 * @property {unknown} to  what the edit has written
 * @property {unknown} now
 */

/**
 * Ask about each value, and put back those that the reader wants.
 * @param {string} service @param {string} id  of the import
 * @param {Kept[]} kept
 * @returns {Promise<Kept[]>} those that stay
 */
export async function askAbout(service, id, kept) {
  const values = kept.filter(({ pointer }) => pointer);
  if (!values.length || values.length > MOST) return kept;
  const names = await namesOf(service, [...new Set(values.map(({ path }) => path))]);
  const choices = values.map(({ path, pointer, to, from, now }) => ({ name: `${fieldOf(pointer)} of ${names.get(path)}`, before: to, theirs: now, yours: from }));
  const isTheirs = await choose(`${counted(values.length, "value")} changed since`, choices, UNDO_WORDS);
  const left = [];
  const newer = []; // The reader has not seen these values.
  for (const [at, value] of values.entries()) {
    const { isBack, now } = !isTheirs || isTheirs[at] ? { isBack: false, now: value.now } : await putBack(service, id, value);
    if (!same(now, value.now)) newer.push({ ...value, now });
    else if (!isBack) left.push(value);
  }
  const whole = kept.filter(({ pointer }) => !pointer);
  return [...whole, ...left, ...(newer.length ? await askAbout(service, id, newer) : [])];
}

/**
 * Read what people call the items; one that has no name is called by its path.
 * @param {string} service @param {string[]} paths
 * @returns {Promise<Map<string, string>>}
 */
async function namesOf(service, paths) {
  const replies = await Promise.all(paths.map((path) => ask(`/api/${service}${path}`)));
  return new Map(paths.map((path, at) => [path, replies[at].value?.name || path]));
}

/** The steps to a value. @param {string} pointer */
const stepsOf = (pointer) => pointer.slice(1).split("/").map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));

/** What people call a field. @param {string} pointer */
const fieldOf = (pointer) => stepsOf(pointer).join(" ");

/**
 * Put a value back, unless another one is stored than the reader has seen.
 * @param {string} service @param {string} id @param {Kept} kept
 * @returns {Promise<{isBack: boolean, now: unknown}>} the value that is stored, if it is not back
 */
async function putBack(service, id, { path, pointer, from, now }) {
  const url = `/api/${service}${path}`;
  const names = stepsOf(pointer);
  const body = names.reduceRight((/** @type {unknown} */ value, name) => ({ [name]: value }), from ?? null);
  for (;;) {
    const read = await ask(url);
    if (!read.ok) return { isBack: false, now };
    const stored = names.reduce((/** @type {any} */ value, name) => value?.[name], read.value);
    if (!same(stored, now)) return { isBack: false, now: stored };
    /** @type {Record<string, string>} */
    const headers = { "If-Match": read.etag, "Import-ID": `undo-${id}` };
    // A merge patch keeps the other members of an object.
    if (names.length > 1) headers["Content-Type"] = "application/merge-patch+json";
    const reply = await ask(url, { method: "PATCH", body, headers });
    if (reply.status !== 412) return { isBack: reply.ok, now };
  }
}
