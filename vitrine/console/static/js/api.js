/**
 * Requests to the console, which passes them on to the services.
 *
 * Every answer keeps what a panel shows of it: Cache-Status, Server-Timing, the request id, and the
 * request itself, to be copied. A refusal is one sentence, in `error`.
 */
import { addresses } from "./addresses.js";
import { takeEarly } from "./requests/early.js";
import { headersOf, token } from "./requests/headers.js";
import { refusalInPageWords } from "./page_words.js";
import { signIn } from "./session.js";

/**
 * @typedef {object} Reply
 * @property {boolean} ok
 * @property {number} status  0 if no answer came
 * @property {any} value  the JSON of the answer
 * @property {string} error  one sentence; empty if all is well
 * @property {number} retry  seconds until another try makes sense
 * @property {string} etag
 * @property {string} cache  Cache-Status
 * @property {string} timing  Server-Timing
 * @property {string} id  X-Request-ID
 * @property {number} ms
 * @property {Request} request
 */

/**
 * @typedef {object} Request
 * @property {string} method
 * @property {string} path  of this origin
 * @property {string} body
 * @property {Record<string, string>} [extra]  headers of this request alone, such as If-Match
 */

/**
 * @typedef {object} Options
 * @property {string} [method]
 * @property {unknown} [body]  sent as JSON
 * @property {Blob | FormData} [file]  sent as it is, instead of a body
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 */

const ADDRESS = /^\/api\/(\w+)(\/.*)$/; // of a service, through the console
const DEAD = "The console does not answer. Start the stack with `vitrine up`; this page goes on by itself.";

/**
 * Send a request and return its answer; never throw for what a server says.
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<Reply>}
 */
export async function ask(path, options = {}) {
  const { method = "GET", body, file, headers: extra, signal } = options;
  const text = body === undefined ? "" : JSON.stringify(body);
  const request = { method, path, body: text, extra };
  const used = token();
  const early = method === "GET" ? takeEarly(path) : undefined;
  const started = early?.started ?? performance.now();
  let response, content;
  try {
    if (early) ({ response, text: content } = await early.answer);
    else response = await fetch(path, { method, headers: headersOf(request), body: file ?? (text || undefined), signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    return failed(request, started);
  }
  const answer = await read(response, content);
  const value = response.ok && !answer?.results ? answer : refusalInPageWords(answer);
  // Another request may have signed in meanwhile. Nothing is lost: this one waited.
  if (response.status === 401 && (token() !== used || (await signIn(value?.detail ?? "Sign in to see this.")))) {
    return ask(path, options);
  }
  return reply(request, response, value, started);
}

/** @param {Response} response @param {string} [content]  of it, if it was read */
async function read(response, content) {
  try {
    const text = content ?? (await response.text());
    return text ? JSON.parse(text) : null;
  } catch {
    return null; // A proxy in between may answer with anything.
  }
}

/**
 * @param {Request} request
 * @param {Response} response
 * @param {any} value
 * @param {number} started
 * @returns {Reply}
 */
function reply(request, response, value, started) {
  const header = (/** @type {string} */ name) => response.headers.get(name) ?? "";
  const retry = Number(header("Retry-After")) || 0;
  return {
    ok: response.ok,
    status: response.status,
    value,
    error: response.ok ? "" : refusal(response.status, value, retry, request),
    retry,
    etag: header("ETag"),
    cache: header("Cache-Status"),
    timing: header("Server-Timing"),
    id: header("X-Request-ID"),
    ms: performance.now() - started,
    request,
  };
}

/** @param {Request} request @param {number} started @returns {Reply} */
function failed(request, started) {
  const ms = performance.now() - started;
  const none = { etag: "", cache: "", timing: "", id: "" };
  return { ok: false, status: 0, value: null, error: DEAD, retry: 2, ms, request, ...none };
}

/**
 * Say in one sentence what is wrong, and what to do.
 * @param {number} status
 * @param {any} problem  RFC 9457
 * @param {number} retry
 * @param {Request} request
 */
function refusal(status, problem, retry, request) {
  const detail = problem?.detail || problem?.title || `${serviceOf(request.path)} answered ${status}.`;
  const places = (problem?.errors ?? [])
    .filter((/** @type {any} */ { message }) => !detail.includes(message))
    .slice(0, 3)
    .map((/** @type {any} */ each) => `${each.pointer || each.parameter || ""} ${each.message}`.trim());
  const later = retry && !/retry/i.test(detail) ? `Retry in ${retry} s.` : "";
  return [detail, ...places, later].filter(Boolean).join(" ");
}

/** True if nobody knows whether the request was carried out: no answer came, or it is still running. @param {Reply} reply */
export const isUnanswered = ({ status, retry }) => status === 0 || status >= 500 || (status === 409 && retry > 0);

/** @param {string} path */
export const serviceOf = (path) => ADDRESS.exec(path)?.[1] ?? "The console";

/**
 * Return the address to copy: that of the service itself, if it is known.
 * @param {Request} request
 */
export function addressOf(request) {
  const [, service, path] = ADDRESS.exec(request.path) ?? [];
  const url = service && addresses.get(service);
  return url ? url.replace(/\/$/, "") + path : location.origin + request.path;
}
