/** Products back from the trash, as one edit, and what is done about those that are refused. */
import { ask } from "../api.js";
import { remember } from "../edits/undo.js";
import { counted } from "../format.js";
import { say } from "../said.js";

const OUTAGES = [0, 401, 403, 429, 502, 503]; // The next product would get the same answer.

/**
 * Bring products back. Those that are refused stay in the trash; of the first one the reader is told why,
 * and offered the value that is free.
 * @param {any[]} items
 * @param {(ids: number[]) => void} onRestored
 */
export async function restore(items, onRestored) {
  const { done, refused } = await restoreEach(items);
  onRestored(done);
  if (!refused.length) return;
  const [{ item, reply }] = refused;
  const { field, suggestion } = reply.value ?? {};
  const again = async () => {
    const next = await restoreEach([item], { [field]: suggestion });
    onRestored(next.done);
    if (next.refused.length) say(next.refused[0].reply.error);
  };
  const left = items.length - done.length - 1;
  const text = `${item.name} is not restored${left ? `, nor ${left === 1 ? "is" : "are"} ${counted(left, "other")}` : ""}. ${reply.error}`;
  say(text, field && suggestion ? { label: `Restore it as ${suggestion}`, run: again } : undefined);
}

/**
 * @param {any[]} items @param {Record<string, string>} [values]  instead of those that were taken meanwhile
 * @returns {Promise<{done: number[], refused: {item: any, reply: import("../api.js").Reply}[]}>}
 */
async function restoreEach(items, values) {
  const [steps, done, refused] = /** @type {[any[], number[], any[]]} */ ([[], [], []]);
  for (const item of items) {
    const path = `/products/${item.id}`;
    const reply = await ask(`/api/products${path}/restore`, { method: "POST", body: values });
    if (reply.ok) {
      steps.push({ service: "products", method: "DELETE", path, etag: reply.etag });
      done.push(item.id);
    } else refused.push({ item, reply });
    if (OUTAGES.includes(reply.status)) break;
  }
  const name = done.length === 1 ? items.find(({ id }) => id === done[0]).name : counted(done.length, "product");
  if (done.length) remember({ label: `${name} out of the trash`, steps }, `Restored: ${name}.`);
  return { done, refused };
}
