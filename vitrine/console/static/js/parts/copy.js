/** A request as a command for a terminal. The token stays out: the command reads $TOKEN. */
import { addressOf } from "../api.js";
import { session } from "../session.js";

/** @typedef {import("../api.js").Request} Request */

const bash = (/** @type {string} */ text) => `'${text.replaceAll("'", `'\\''`)}'`;
const quoted = (/** @type {string} */ text) => `'${text.replaceAll("'", "''")}'`;
const needsToken = () => session.get()?.mode === "token";
const throughConsole = (/** @type {string} */ url) => url.startsWith(`${location.origin}/`);

/** @param {Request} request */
export function curl(request) {
  const url = addressOf(request);
  const parts = ["curl", "-i"];
  if (request.method !== "GET") parts.push("-X", request.method);
  if (needsToken()) parts.push("-H", '"Authorization: Bearer $TOKEN"');
  if (request.method !== "GET" && throughConsole(url)) parts.push("-H", bash("X-Console: 1"));
  if (request.body) parts.push("-H", bash("Content-Type: application/json"), "-d", bash(request.body));
  return [...parts, bash(url)].join(" ");
}

/** @param {Request} request */
export function powershell(request) {
  const url = addressOf(request);
  const headers = [];
  if (needsToken()) headers.push('Authorization = "Bearer $env:TOKEN"');
  if (request.method !== "GET" && throughConsole(url)) headers.push('"X-Console" = "1"');
  const parts = ["Invoke-RestMethod"];
  if (request.method !== "GET") parts.push("-Method", request.method);
  if (headers.length) parts.push("-Headers", `@{ ${headers.join("; ")} }`);
  if (request.body) parts.push("-ContentType", quoted("application/json"), "-Body", quoted(request.body));
  return [...parts, "-Uri", quoted(url)].join(" ");
}
