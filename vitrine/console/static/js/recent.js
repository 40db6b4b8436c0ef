/**
 * What happened lately: requests, changes and samples, kept while the reader goes from page to page.
 *
 * The lists change while the stream runs, even when the page that shows them is not open.
 */
import { useEffect } from "preact/hooks";
import { ask } from "./api.js";
import { listen } from "./stream.js";
import { useValue, Value } from "./value.js";

const MOST = 400; // rows of a list
const KEPT_SECONDS = 900; // of samples
// Requests that the console itself sends; who watches does not want to see the watcher.
const OWN = /^\/(__cache|health|metrics|jobs|[a-z_]+\/changes|$)|:(documents|unsettled|images)$/;

/** @type {Value<any[]>} the newest first */
export const requests = new Value([]);
/** @type {Value<any[]>} the newest first */
export const changes = new Value([]);
/** @type {Value<any[]>} the oldest first */
const samples = new Value([]);
/** @type {Value<number>} events that were left out, because there were too many */
export const dropped = new Value(0);
/** @type {Value<number>} hits that were counted and not sent, because nobody could read so many */
export const moreHits = new Value(0);
/** @type {Value<Record<string, string>>} sentences about sources that are down */
export const sources = new Value({});

let count = 0;
let readers = 0; // parts of the page that show the samples
let isBehind = false; // The stream has begun since the samples were read.

/** Keep what the stream sends. */
export function startRecent() {
  listen("request", (events) => prepend(requests, events.filter((event) => !OWN.test(event.route || event.path))));
  // A change may come late, because its author was not known yet. Their times are those of MongoDB.
  listen("change", (events) => prepend(changes, events, newestFirst));
  listen("sample", (events) => {
    const since = Date.now() / 1000 - KEPT_SECONDS;
    const after = samples.get().at(-1)?.at ?? 0;
    const fresh = events.filter((event) => event.at > after);
    samples.set([...samples.get(), ...fresh].filter((event) => event.at > since));
  });
  listen("dropped", (events) => add(dropped, events));
  listen("hits", (events) => add(moreHits, events));
  listen("source", (events) => {
    for (const { service, source, state, detail } of events) {
      const { [`${service} ${source}`]: _, ...others } = sources.get();
      sources.set(state === "up" ? others : { ...others, [`${service} ${source}`]: detail });
    }
  });
  listen("hello", startSamples);
  listen("reset", startSamples);
}

/** Return the samples of the last minutes. They are many, so only a page that shows them reads them. */
export function useSamples() {
  useEffect(() => {
    readers += 1;
    if (isBehind) loadSamples();
    return () => void (readers -= 1);
  }, []);
  return useValue(samples);
}

/** @param {Value<number>} total @param {{count: number}[]} events */
function add(total, events) {
  total.set(total.get() + events.reduce((sum, { count }) => sum + count, 0));
}

function startSamples() {
  isBehind = true;
  if (readers) loadSamples();
}

async function loadSamples() {
  isBehind = false;
  const reply = await ask("/samples");
  if (reply.ok) samples.set(reply.value.samples);
  else isBehind = true;
}

/**
 * Put events before those of a list, numbered, so that each row keeps its identity.
 * @param {Value<any[]>} list
 * @param {any[]} events
 * @param {(a: any, b: any) => number} [order]  of the rows; without it, that of their arrival
 */
function prepend(list, events, order) {
  if (!events.length) return;
  const rows = [...events.map((event) => ({ ...event, row: ++count })).reverse(), ...list.get()];
  list.set((order ? rows.sort(order) : rows).slice(0, MOST));
}

/** @param {any} a @param {any} b */
const newestFirst = (a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0);

/**
 * Return one sample of all services together, per second.
 * @param {any} sample
 */
export function together(sample) {
  const sum = { at: sample.at, seconds: sample.seconds, hit: 0, miss: 0, stale: 0, bypass: 0, requests: 0, errors: 0 };
  for (const service of Object.values(sample.services)) {
    for (const name of /** @type {const} */ (["hit", "miss", "stale", "bypass", "requests", "errors"])) {
      sum[name] += (service[name] ?? 0) / (sample.seconds || 1);
    }
  }
  return sum;
}
