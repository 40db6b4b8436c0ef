/**
 * One stream of events for the whole page.
 *
 * It is read by `fetch`, because an EventSource cannot send a token. A hidden tab closes it, since a
 * browser has six connections for one origin, and goes on at the last event when it is seen again.
 * Events are handed on four times a second, so that a busy stack does not freeze the page.
 */
import { useEffect, useRef } from "preact/hooks";
import { headersOf, token } from "./requests/headers.js";
import { missing, signIn } from "./session.js";
import { Value } from "./value.js";

const PATH = "/stream";
const FLUSH = 250; // milliseconds
const FIRST_RETRY = 500; // milliseconds
const LAST_RETRY = 4000; // milliseconds
const MOST = 2000; // events between two renderings

/** What the stream does: "starting", "live", "resting" in a hidden tab or without the scope, or a sentence. */
export const streamState = new Value("starting");

/** @type {Map<string, Set<(events: any[]) => void>>} */
const listeners = new Map();
/** @type {Map<string, any[]>} */
let waiting = new Map();
/** @type {AbortController | null} */
let open = null;
let last = "";
let retry = FIRST_RETRY;
let timer = 0;

/**
 * Call a function with the events of a topic, at most four times a second.
 * @param {string} topic
 * @param {(events: any[]) => void} handle
 * @returns {() => void} ends the calls
 */
export function listen(topic, handle) {
  const own = listeners.get(topic) ?? new Set();
  listeners.set(topic, own.add(handle));
  return () => void own.delete(handle);
}

/**
 * The same for a component, as long as it is shown.
 * @param {string} topic
 * @param {(events: any[]) => void} handle
 */
export function useEvents(topic, handle) {
  const current = useRef(handle);
  current.current = handle;
  useEffect(() => listen(topic, (events) => current.current(events)), [topic]);
}

/** Have the stream follow the visibility of the tab; it is opened when the caller is known. */
export function startStream() {
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : restartStream()));
  setInterval(flush, FLUSH);
}

/** Open the stream anew, as the caller that is signed in; close it if that one may not read it. */
export function restartStream() {
  if (document.hidden) return;
  if (missing("admin")) rest();
  else connect();
}

function rest() {
  open?.abort();
  open = null;
  clearTimeout(timer);
  streamState.set("resting");
}

async function connect() {
  clearTimeout(timer);
  open?.abort();
  const own = (open = new AbortController());
  const used = token();
  const headers = headersOf({ method: "GET", path: PATH, body: "" });
  headers.Accept = "text/event-stream";
  if (last) headers["Last-Event-ID"] = last;
  try {
    const response = await fetch(PATH, { headers, signal: own.signal });
    if (!response.ok || !response.body) return await refused(response, own, used);
    if (own.signal.aborted) return undefined;
    streamState.set("live");
    retry = FIRST_RETRY;
    await readEvents(response.body, own.signal);
  } catch {
    if (own.signal.aborted) return undefined;
  }
  if (!own.signal.aborted) reconnect("The live stream is interrupted; it goes on by itself.", retry);
  return undefined;
}

/** @param {Response} response @param {AbortController} own @param {string} used  the token that was sent */
async function refused(response, own, used) {
  const problem = await response.json().catch(() => null);
  const reason = problem?.detail ?? `The live stream was refused with ${response.status}.`;
  if (response.status === 401 && (token() !== used || (await signIn(reason)))) return own.signal.aborted ? undefined : connect();
  if (response.status === 401 || response.status === 403) return streamState.set(reason); // until another sign-in
  const seconds = Number(response.headers.get("Retry-After")) || 0;
  return reconnect(reason, Math.max(seconds * 1000, LAST_RETRY));
}

/** @param {string} reason @param {number} milliseconds */
function reconnect(reason, milliseconds) {
  streamState.set(reason);
  timer = setTimeout(connect, milliseconds);
  retry = Math.min(retry * 2, LAST_RETRY);
}

/**
 * Read server-sent events (WHATWG HTML, 9.2) until the stream ends.
 * @param {ReadableStream<Uint8Array>} body
 * @param {AbortSignal} signal
 */
async function readEvents(body, signal) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done || signal.aborted) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) note(block);
  }
}

/** @param {string} block */
function note(block) {
  let topic = "message";
  let data = "";
  for (const line of block.split("\n")) {
    // A pattern would not do: its `.` does not match U+2028 and U+2029, which a text may hold.
    const end = line.indexOf(":");
    const field = line.slice(0, Math.max(end, 0));
    const text = line.slice(line[end + 1] === " " ? end + 2 : end + 1);
    if (field === "event") topic = text;
    else if (field === "data") data += text;
    else if (field === "id") last = text;
  }
  if (!data) return;
  const value = JSON.parse(data);
  if (topic === "hello" && !last) last = value.id; // the last event before this stream
  const events = (waiting.get(topic) ?? []).concat(value); // one event, or an array
  waiting.set(topic, events.slice(-MOST));
}

function flush() {
  const ready = waiting;
  waiting = new Map();
  for (const [topic, events] of ready) {
    for (const listener of listeners.get(topic) ?? []) listener(events);
  }
}
