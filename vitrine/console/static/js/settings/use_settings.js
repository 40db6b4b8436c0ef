/** The settings of all services, one after the other, and where services differ. */
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api.js";

/**
 * @typedef {object} Setting
 * @property {string} name
 * @property {string} text
 * @property {any} default
 * @property {any} value  that of the first service
 * @property {Record<string, any> | null} differing  the value of each service, if they differ
 */

/**
 * @param {string[]} services
 * @param {boolean} isAllowed
 * @returns {{settings: Setting[] | null, error: string, reply: import("../api.js").Reply | null, versions: Record<string, string>}}
 */
export function useSettings(services, isAllowed) {
  const [state, setState] = useState({ settings: /** @type {Setting[] | null} */ (null), error: "", reply: /** @type {any} */ (null), versions: {} });
  useEffect(() => {
    if (!isAllowed || !services.length) return undefined;
    const stop = new AbortController();
    readAll(services, stop.signal).then((read) => stop.signal.aborted || setState(read), () => {});
    return () => stop.abort();
  }, [services.join(), isAllowed]);
  return state;
}

/** @param {string[]} services @param {AbortSignal} signal */
async function readAll(services, signal) {
  /** @type {Map<string, Setting & {values: Record<string, any>}>} */
  const known = new Map();
  /** @type {Record<string, string>} */
  const versions = {};
  /** @type {any} */
  let reply = null;
  const errors = [];
  for (const service of services) {
    const answer = await ask(`/api/${service}/__settings`, { signal });
    reply ??= answer;
    if (!answer.ok) {
      errors.push(`${service}: ${answer.error}`);
      continue;
    }
    versions[service] = answer.value.version;
    for (const setting of answer.value.settings) {
      const entry = known.get(setting.name) ?? { ...setting, values: {} };
      entry.values[service] = setting.value;
      known.set(setting.name, entry);
    }
  }
  const settings = [...known.values()].map(({ values, ...setting }) => {
    const isSame = Object.values(values).every((value) => value === setting.value);
    return { ...setting, differing: isSame ? null : values };
  });
  return { settings: settings.length ? settings : null, error: errors.join(" "), reply, versions };
}
