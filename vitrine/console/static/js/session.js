/** Who the token of this tab belongs to. A new tab asks the other tabs of the console for a token. */
import { decoded } from "./format.js";
import { keepToken, token } from "./requests/headers.js";
import { Value } from "./value.js";

const TABS = new BroadcastChannel("vitrine.token");
const WAIT_FOR_TABS = 150; // milliseconds

/**
 * @typedef {object} Session
 * @property {string} mode  "open" or "token"
 * @property {string | null} subject
 * @property {string[]} scopes
 * @property {number | null} expires  seconds since 1970
 * @property {boolean} signed_in
 * @property {string[]} services
 * @property {string} version
 * @property {string} problem  why the services refuse the token
 * @property {{possible: boolean, why_not: string}} fuzz
 */

/** @type {Value<Session | null>} */
export const session = new Value(null);

/** The reason why the sign-in dialog is open; empty while it is closed. */
export const asked = new Value("");

/** @type {{promise: Promise<boolean>, done: (signedIn: boolean) => void} | null} */
let waiting = null;
let declined = false;

/**
 * Take the token out of the address, if there is one.
 * @returns {boolean} true if there was one
 */
export function takeToken() {
  const given = /^#token=(.+)$/.exec(location.hash)?.[1];
  if (!given) return false;
  keepToken(decoded(given));
  history.replaceState(null, "", location.pathname + location.search);
  return true;
}

/** Answer other tabs that ask for the token. */
export function answerTabs() {
  TABS.addEventListener("message", ({ data }) => {
    if (data?.ask && token()) TABS.postMessage({ token: token() });
    else if (typeof data?.token === "string" && !token()) keepToken(data.token);
  });
}

/** Wait a moment for the token of another tab. */
export async function askTabs() {
  TABS.postMessage({ ask: true });
  await new Promise((resolve) => setTimeout(resolve, WAIT_FOR_TABS));
}

/**
 * Open the sign-in dialog, once for all requests that wait for it.
 * @param {string} reason
 * @returns {Promise<boolean>} false if the reader closed the dialog
 */
export function signIn(reason) {
  if (declined) return Promise.resolve(false);
  if (!waiting) {
    /** @type {(signedIn: boolean) => void} */
    let done = () => {};
    const promise = new Promise((resolve) => (done = resolve));
    waiting = { promise, done };
    asked.set(reason);
  }
  return waiting.promise;
}

/**
 * Close the sign-in dialog, and let the waiting requests go on.
 * @param {boolean} signedIn
 */
export function endSignIn(signedIn) {
  declined = !signedIn;
  asked.set("");
  waiting?.done(signedIn);
  waiting = null;
}

/** Ask for a token at the reader's own wish. */
export function openSignIn() {
  declined = false;
  return signIn("Paste another token to act as another caller.");
}

/**
 * Return why the reader may not do something, or an empty text.
 * @param {string} scope  such as "admin" or "products:write"
 */
export function missing(scope) {
  const current = session.get();
  if (!current) return "It is not known yet who you are.";
  if (current.scopes.includes("admin") || current.scopes.includes(scope)) return "";
  return `This needs a token with the scope ${scope}.`;
}
