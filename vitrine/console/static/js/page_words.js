/** Refusals for readers of a page: services advise callers of their API, and a page has fields and buttons instead. */
import { PAGES } from "./pages.js";

/** @type {[RegExp, string | ((all: string, part: string) => string)][]} what a service advises, and what a page does */
const ADVICE = [
  [/ with POST \/(\w+)\.$/, (_, name) => ` on the page ${PAGES.find(({ path }) => path === `/${name}`)?.name ?? name}.`],
  [/Set it first, for example with PATCH .*\.$/, "Set it first: write a number into its stock."],
  [/Read it(?: again)?, then send your change with its (?:new )?ETag in If-Match\.$/, "Reload the page, and make your change again."],
  [/for the products add \?products=detach or \?move_to=slug\.$/, "for the products choose another category."],
  [/Send numbers that GET .* lists\.$/, "Reload the page to see those that there are."],
  [/Add the parameter ordering to page through all matches\.$/, "Sort by a column to go through all matches."],
  [/The request with this Idempotency-Key is still running\. Send it again in a second\.$/, "The same request is still running. Try again in a second."],
  [/Another request with this Idempotency-Key has taken over\. Send it again\.$/, "The same request was sent twice. Try again."],
  [/This Idempotency-Key was used for another request\. Send a new key\.$/, "This was sent before with other values. Reload the page, and try again."],
];

/** @param {string} sentence  of a service */
export const inPageWords = (sentence) => ADVICE.reduce((text, [found, words]) => text.replace(found, /** @type {any} */ (words)), sentence);

/**
 * The same answer with sentences for readers of a page: of a refusal, and of each refused item of a batch.
 * @param {any} value
 */
export function refusalInPageWords(value) {
  if (!value) return value;
  const { detail, errors, results } = value;
  return {
    ...value,
    ...(detail && { detail: inPageWords(detail) }),
    ...(Array.isArray(errors) && { errors: errors.map((each) => ({ ...each, message: inPageWords(each.message ?? "") })) }),
    ...(Array.isArray(results) && { results: results.map(refusalInPageWords) }),
  };
}
