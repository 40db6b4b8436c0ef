/** The undo of an edit of many items, which is an import: its service knows what it did to each. */
import { ask } from "../api.js";
import { counted } from "../format.js";
import { say } from "../said.js";
import { same } from "./same.js";
import { askPatiently, forEachOf } from "./patient.js";
import { askAbout } from "./undo_kept.js";

const PER = "1000"; // items of a page
const MET = [404, 409, 412]; // what a request is refused with that finds another item than it expects

/** @typedef {{method: string, path: string, body: any, if_match: string | null}} Inverse  a request that takes back what was done to an item */

/**
 * Take back an edit of many items. What was changed since stays as somebody else left it, unless the
 * reader decides otherwise.
 * @param {import("./undo.js").Batch} batch
 * @returns {Promise<import("./undo.js").Outcome>}
 */
export async function undoBatch({ service, path, id }) {
  const known = `/api/${service}${path}:imports/${encodeURIComponent(id)}`;
  const headers = { "Import-ID": `undo-${id}` };
  let done = 0;
  /** @type {import("./undo_kept.js").Kept[]} */
  const kept = [];
  for (let cursor = ""; ; ) {
    // The service takes back what it can together, and lists the requests that are left.
    const reply = await askPatiently(`${known}?${new URLSearchParams({ per: PER, ...(cursor && { cursor }) })}`, { method: "POST", headers });
    if (reply.status === 404) return { error: "", remark: "It has written nothing." };
    if (!reply.ok) return { error: reply.error, remark: "" };
    const effects = reply.value.items;
    const error = await forEachOf(effects, async (/** @type {any} */ effect) => {
      const refused = effect.undo && !effect.done ? await sendInverse(service, id, effect.undo) : null;
      for (const each of effect.kept) kept.push({ ...each, path: `${path}/${effect.id}` });
      if (refused?.status === 412) kept.push({ path: effect.undo.path, pointer: "", from: null, to: null, now: null });
      return refused && refused.status !== 412 ? refused.error : "";
    });
    if (error) return { error, remark: "" };
    done += effects.length;
    cursor = reply.value.next_cursor ?? "";
    if (!cursor) break;
    say(`Undoing: ${counted(done, "item")} so far.`);
  }
  const count = new Set((await askAbout(service, id, kept)).map((each) => each.path)).size;
  return { error: "", remark: count ? `${counted(count, "item")} had changed since, and ${count === 1 ? "stays" : "stay"} as somebody else left it.` : "" };
}

/**
 * @param {string} service @param {string} id @param {Inverse} inverse
 * @returns {Promise<import("../api.js").Reply | null>} the refusal, if there is one
 */
async function sendInverse(service, id, inverse) {
  const { method, path, body, if_match: match } = inverse;
  /** @type {Record<string, string>} */
  const headers = { "Import-ID": `undo-${id}`, ...(match && { "If-Match": match }) };
  const reply = await askPatiently(`/api/${service}${path}`, { method, body: body ?? undefined, headers });
  const isOwn = reply.isRepeated && MET.includes(reply.status) && (await isDone(service, inverse));
  return reply.ok || isOwn ? null : reply;
}

/**
 * True if an item is as a request leaves it, so that an earlier try was carried out and its answer was lost.
 * @param {string} service @param {Inverse} inverse
 */
async function isDone(service, { method, path, body }) {
  const { ok, status, value } = await ask(`/api/${service}${path.replace(/\/restore$/, "")}`);
  if (method === "DELETE") return status === 404;
  return ok && Object.entries(body ?? {}).every(([name, wanted]) => same(value[name], wanted));
}
