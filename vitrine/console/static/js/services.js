/** The state of the services, asked every few seconds for the whole page. */
import { addresses } from "./addresses.js";
import { ask } from "./api.js";
import { Value } from "./value.js";

const EVERY = 3000; // milliseconds

/**
 * @typedef {object} Service
 * @property {string} name
 * @property {string} url
 * @property {"ok" | "not well" | "no answer"} state
 * @property {number | null} milliseconds
 * @property {any} ready  the answer of /health/ready
 * @property {{text: string, remedy: string}[]} problems
 */

/** @type {Value<import("./api.js").Reply | null>} */
export const servicesReply = new Value(null);

/** @type {Value<Service[]>} the last known ones */
export const services = new Value([]);

/** @type {Value<string[]>} the services that have jobs; one that does not answer keeps its place */
export const queues = new Value([]);

/** Ask for the services now, and then again and again. */
export async function startServices() {
  if (!document.hidden) {
    const reply = await ask("/services");
    if (reply.ok) {
      for (const { name, url } of reply.value.services) addresses.set(name, url);
      noteQueues(reply.value.services);
      services.set(reply.value.services);
    }
    servicesReply.set(reply);
  }
  setTimeout(startServices, EVERY);
}

/** Keep the names of the services that have a queue. @param {Service[]} all */
function noteQueues(all) {
  const known = queues.get();
  const found = all.filter(({ name, ready }) => ready.queue || known.includes(name)).map(({ name }) => name);
  if (found.join() !== known.join()) queues.set(found);
}

/** The colour of a state. @param {Service["state"]} state */
export const toneOf = (state) => ({ ok: "good", "not well": "warn", "no answer": "bad" })[state];

/** The word for a state. @param {Service["state"]} state */
export const wordOf = (state) => ({ ok: "well", "not well": "not well", "no answer": "no answer" })[state];
