/** Actions of orders: one of them, or several at once. They may be sent twice. */
import { askPatiently } from "../edits/patient.js";
import { counted } from "../format.js";
import { say } from "../said.js";
import { ACTIONS, reasonAgainst } from "./states.js";

const AT_ONCE = 4;

/** @typedef {import("./states.js").Action} Action */

/**
 * Send an action of one order, and say what came of it.
 * @param {any} order
 * @param {Action} action
 * @returns {Promise<import("../api.js").Reply>}
 */
export async function act(order, action) {
  const reply = await send(order, action);
  say(reply.ok ? `Order ${order.id} is ${reply.value.status}.` : `Order ${order.id} is as it was. ${reply.error}`);
  return reply;
}

/**
 * Send an action of several orders; those that do not allow it are left out.
 * @param {any[]} orders
 * @param {Action} action
 * @param {(done: number) => void} onProgress
 * @returns {Promise<{done: number, refused: {order: any, error: string}[]}>}
 */
export async function actOnAll(orders, action, onProgress) {
  const allowed = orders.filter(({ status }) => !reasonAgainst(status, action));
  const waiting = allowed.values();
  /** @type {{order: any, error: string}[]} */
  const refused = [];
  let done = 0;
  const work = async () => {
    for (const order of waiting) {
      const reply = await send(order, action);
      if (reply.ok) done += 1;
      else refused.push({ order, error: reply.error });
      onProgress(done + refused.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const { target } = ACTIONS[action];
  say(`${counted(done, "order is", "orders are")} ${target}.${refused.length ? ` ${counted(refused.length, "order was", "orders were")} refused.` : ""}`);
  return { done, refused };
}

/** @param {any} order @param {Action} action */
const send = (order, action) => askPatiently(`/api/orders/orders/${order.id}/${action}`, { method: "POST" });
