/**
 * The token of this tab, and the headers of the console's requests.
 *
 * The token is kept in `sessionStorage`, never in a cookie, which a browser would send to every
 * server of this machine.
 */
const KEY = "vitrine.token";

export const token = () => sessionStorage.getItem(KEY) ?? "";

/** @param {string} value */
export function keepToken(value) {
  if (value) sessionStorage.setItem(KEY, value);
  else sessionStorage.removeItem(KEY);
}

/** @param {import("../api.js").Request} request */
export function headersOf(request) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json" };
  if (token()) headers.Authorization = `Bearer ${token()}`;
  if (request.method !== "GET") headers["X-Console"] = "1";
  if (request.body) headers["Content-Type"] = "application/json";
  return { ...headers, ...request.extra };
}
