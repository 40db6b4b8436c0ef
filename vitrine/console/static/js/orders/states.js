/** The states of orders, and what each allows; a test compares them with those of the service. */

export const STATES = ["placed", "paid", "shipped", "delivered", "pending", "rejected", "cancelled", "returned"];

/** The states that the board shows at first. */
export const AT_WORK = ["placed", "paid", "shipped", "delivered"];

/** @typedef {"pay" | "ship" | "deliver" | "cancel"} Action */

/** @type {Record<string, Action[]>} what a state allows; others allow nothing */
export const ALLOWED = { placed: ["pay", "cancel"], paid: ["ship", "cancel"], shipped: ["deliver"] };

/** @type {Record<Action, {word: string, target: string, ends: string}>} what an action is called, and what it does */
export const ACTIONS = {
  pay: { word: "Pay", target: "paid", ends: "The payment is noted." },
  ship: { word: "Ship", target: "shipped", ends: "The stock leaves the shop, and does not come back." },
  deliver: { word: "Deliver", target: "delivered", ends: "The goods have arrived." },
  cancel: { word: "Cancel", target: "cancelled", ends: "The stock comes back, and nothing more can be done with it." },
};

export const TONES = { placed: "warn", paid: "write", shipped: "write", delivered: "good", pending: "none", rejected: "bad", cancelled: "none", returned: "stale" };

/** @type {Record<string, string>} what a state means */
export const MEANINGS = {
  pending: "being placed; it becomes placed or rejected within seconds",
  placed: "the stock is held; it waits for its payment",
  paid: "waits to be shipped",
  shipped: "on its way",
  delivered: "reached the client",
  rejected: "a line could not be ordered; nothing was taken from the stock",
  cancelled: "ended before it was shipped; the stock came back",
  returned: "came back, with negative quantities; imported orders alone have this state",
};

/** The next step of an order, or nothing. @param {string} state @returns {Action | undefined} */
export const nextOf = (state) => ALLOWED[state]?.find((action) => action !== "cancel");

/**
 * Return why an order cannot do something now, or an empty text.
 * @param {string} state
 * @param {Action} action
 */
export function reasonAgainst(state, action) {
  const allowed = ALLOWED[state] ?? [];
  if (allowed.includes(action)) return "";
  const { target } = ACTIONS[action];
  if (state === target) return `It is ${target} already.`;
  if (state === "pending") return "It is being placed; try again in a moment.";
  const words = allowed.map((each) => ACTIONS[each].word.toLowerCase());
  return `An order that is ${state} cannot become ${target}. ${words.length ? `It allows ${words.join(" and ")}.` : "That is its last state."}`;
}
