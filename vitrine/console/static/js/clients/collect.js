/** Reads all that the services store about a client: the client, its history, its orders. */
import { askPatiently } from "../edits/patient.js";

const PER = "100";
const MOST_PAGES = 50; // of orders or history; more is told, never left out in silence

/**
 * @param {number | string} id
 * @returns {Promise<{error: string, data: any}>}
 */
export async function collect(id) {
  const client = await askPatiently(`/api/clients/clients/${id}`);
  if (!client.ok && client.status !== 404) return { error: client.error, data: null };
  const history = await readAll(`/api/clients/clients/${id}/history?per=${PER}`, "/api/clients");
  if (history.error) return { error: history.error, data: null };
  const orders = await readAll(`/api/orders/orders?${new URLSearchParams({ client_id: String(id), per: PER })}`, "/api/orders");
  if (orders.error) return { error: orders.error, data: null };
  const cut = [history, orders].some(({ isWhole }) => !isWhole);
  const note = cut ? `Only the first ${MOST_PAGES * Number(PER)} entries of each list are here; read the others from the API.` : undefined;
  return { error: "", data: { note, client: client.ok ? client.value : null, history: history.items, orders: orders.items } };
}

/** @param {string} path @param {string} before  of the links */
async function readAll(path, before) {
  /** @type {any[]} */
  let items = [];
  let next = path;
  for (let at = 0; at < MOST_PAGES && next; at += 1) {
    const reply = await askPatiently(next);
    if (!reply.ok) return { error: reply.error, items, isWhole: false };
    items = items.concat(reply.value.items);
    next = reply.value.links?.next ? before + reply.value.links.next : "";
  }
  return { error: "", items, isWhole: !next };
}
