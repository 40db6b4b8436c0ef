/** Requests that are sent before the modules of the page are there, and their answers. */
import { headersOf, token } from "./headers.js";

/** @typedef {{started: number, used: string, answer: Promise<{response: Response, text: string}>}} Early */

/** @type {Map<string, Early>} by path */
const sent = new Map();

/**
 * Send a GET request that the page will need first.
 * @param {string} path @param {Record<string, string>} [extra]  headers of this request
 */
export function sendEarly(path, extra) {
  const started = performance.now();
  const answer = fetch(path, { headers: headersOf({ method: "GET", path, body: "", extra }) }).then(async (response) => ({ response, text: await response.text() }));
  answer.catch(() => {}); // Who takes it finds out; and if nobody does, no error is reported.
  sent.set(path, { started, used: token(), answer });
}

/** Return a request that was sent early with the token of now, once. @param {string} path */
export function takeEarly(path) {
  const early = sent.get(path);
  sent.delete(path);
  return early?.used === token() ? early : undefined;
}

/** Forget the others: a page that has been shown wants newer answers. */
export const forgetEarly = () => sent.clear();
