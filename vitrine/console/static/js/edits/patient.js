/** Requests of a long run: they wait when a service asks for it, or does not answer for a moment. */
import { ask } from "../api.js";

const TRIES = 30;
const PAUSE = 2; // seconds, if the answer names none

/**
 * Send a request, again after a 429, a 503 or no answer at all, so it must be one that may be repeated.
 * @param {string} path
 * @param {import("../api.js").Options} [options]
 * @returns {Promise<import("../api.js").Reply & {isRepeated: boolean}>} with whether an earlier try may have been carried out
 */
export async function askPatiently(path, options) {
  for (let at = 1, isRepeated = false; ; at += 1) {
    const reply = await ask(path, options);
    if (![0, 429, 502, 503].includes(reply.status) || at === TRIES) return { ...reply, isRepeated };
    isRepeated ||= reply.status !== 429;
    await new Promise((resolve) => setTimeout(resolve, (reply.retry || PAUSE) * 1000));
  }
}

/**
 * Do something for each item, a few at the same time, until one fails.
 * @template T
 * @param {T[]} items
 * @param {(item: T) => Promise<string>} act  returns why it failed, or an empty text
 * @returns {Promise<string>} the first reason
 */
export async function forEachOf(items, act, atOnce = 4) {
  const waiting = items.values();
  let failed = "";
  const work = async () => {
    for (const item of waiting) {
      if (failed) return;
      const error = await act(item);
      failed ||= error;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return failed;
}
