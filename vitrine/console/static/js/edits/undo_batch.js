/** The undo of an edit of many items, which is an import: its service knows what it did to each. */
import { counted } from "../format.js";
import { say } from "../said.js";
import { askPatiently, forEachOf } from "./patient.js";

/**
 * Take back an edit of many items. What was changed since stays as somebody else left it.
 * @param {import("./undo.js").Batch} batch
 * @returns {Promise<import("./undo.js").Outcome>}
 */
export async function undoBatch({ service, path, id }) {
  const known = `/api/${service}${path}:imports/${encodeURIComponent(id)}`;
  let done = 0;
  let kept = 0;
  for (let cursor = ""; ; ) {
    const reply = await askPatiently(`${known}${cursor && `?${new URLSearchParams({ cursor })}`}`);
    if (reply.status === 404) return { error: "", remark: "It has written nothing." };
    if (!reply.ok) return { error: reply.error, remark: "" };
    const effects = reply.value.items;
    const error = await forEachOf(effects, async (/** @type {any} */ effect) => {
      const refused = effect.undo ? await sendInverse(service, id, effect.undo) : null;
      if (effect.kept.length || refused?.status === 412) kept += 1;
      return refused && refused.status !== 412 ? refused.error : "";
    });
    if (error) return { error, remark: "" };
    done += effects.length;
    cursor = reply.value.next_cursor ?? "";
    if (!cursor) break;
    say(`Undoing: ${counted(done, "item")} so far.`);
  }
  return { error: "", remark: kept ? `${counted(kept, "item")} had changed since, and ${kept === 1 ? "stays" : "stay"} as somebody else left it.` : "" };
}

/**
 * @param {string} service @param {string} id
 * @param {{method: string, path: string, body: any, if_match: string | null}} request
 * @returns {Promise<import("../api.js").Reply | null>} the refusal, if there is one
 */
async function sendInverse(service, id, { method, path, body, if_match: match }) {
  /** @type {Record<string, string>} */
  const headers = { "Import-ID": `undo-${id}`, ...(match && { "If-Match": match }) };
  const reply = await askPatiently(`/api/${service}${path}`, { method, body: body ?? undefined, headers });
  return reply.ok ? null : reply;
}
