/** Short messages at the edge of the page, read out by screen readers. */
import { Value } from "./value.js";

const SHOWN = 6000; // milliseconds
const SHOWN_WITH_ACTION = 15_000;

/** @typedef {{label: string, run: () => void}} Offer  a button beside a message */

/** @type {Value<{text: string, offers: Offer[]} | null>} */
export const said = new Value(null);
let timer = 0;

/**
 * @param {string} text  one sentence
 * @param {(Offer | undefined)[]} all  what the reader may do about it
 */
export function say(text, ...all) {
  const offers = all.filter((each) => each !== undefined);
  said.set(text ? { text, offers } : null);
  clearTimeout(timer);
  timer = setTimeout(() => said.set(null), offers.length ? SHOWN_WITH_ACTION : SHOWN);
}
