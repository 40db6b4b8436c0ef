/** Numbers, times, sizes and cache verdicts as text. English, so that all sentences fit together. */

const WHOLE = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const FINE = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1 });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** @param {number | null | undefined} count */
export const number = (count) => (count == null ? "–" : WHOLE.format(count));

/**
 * Return a number with its noun: "1 entry", "3 entries".
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** @param {number | null} share  from 0 to 1 */
export const percent = (share) => (share == null ? "–" : `${FINE.format(share * 100)} %`);

/** @param {number | null | undefined} size */
export function bytes(size) {
  if (size == null) return "–";
  if (size < 1000) return `${size} B`;
  return size < 1e6 ? `${FINE.format(size / 1000)} kB` : `${FINE.format(size / 1e6)} MB`;
}

/** @param {number | null | undefined} milliseconds */
export function duration(milliseconds) {
  if (milliseconds == null) return "–";
  if (milliseconds < 10) return `${FINE.format(milliseconds)} ms`;
  if (milliseconds < 1000) return `${WHOLE.format(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${FINE.format(seconds)} s`;
  if (seconds < 3600) return `${WHOLE.format(seconds / 60)} min`;
  return seconds < 86400 ? `${FINE.format(seconds / 3600)} h` : counted(Math.round(seconds / 86400), "day");
}

/**
 * Return the moment of a number of seconds since 1970, or of an ISO text.
 * @param {number | string} at
 */
export const moment = (at) => new Date(typeof at === "number" ? at * 1000 : at);

/**
 * Return the time of day, with the day if it is another one than today.
 * @param {number | string | null | undefined} at
 * @param {boolean} [fine]  with milliseconds
 */
export function clock(at, fine = false) {
  if (at == null || at === "") return "–";
  const date = moment(at);
  const time = CLOCK.format(date) + (fine ? `.${String(date.getMilliseconds()).padStart(3, "0")}` : "");
  return date.toDateString() === new Date().toDateString() ? time : `${DAY.format(date)} ${time}`;
}

/** @param {number | string} at */
export const ago = (at) => `${duration(Math.max(0, Date.now() - moment(at).getTime()))} ago`;

/**
 * Return a part of an address as it was written by a person; as it is, if it is not well encoded.
 * @param {string} text
 */
export function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Return a JSON value as one line of text.
 * @param {unknown} value
 */
export const shown = (value) =>
  value === undefined || value === null ? "–" : typeof value === "string" ? value : JSON.stringify(value);

/**
 * @typedef {object} Verdict
 * @property {"hit" | "miss" | "stale" | "bypass" | "none"} kind
 * @property {string} word  for people
 * @property {string} key  of the entry
 */

/**
 * Read a `Cache-Status` (RFC 9211).
 * @param {string | null | undefined} status
 * @returns {Verdict}
 */
export function verdict(status) {
  const key = /key="([^"]*)"/.exec(status ?? "")?.[1] ?? "";
  if (!status) return { kind: "none", word: "not cached", key };
  if (/;\s*hit/.test(status)) return { kind: "hit", word: "hit", key };
  const forward = /fwd=([\w-]+)/.exec(status)?.[1] ?? "";
  const kind = ["miss", "stale", "bypass"].includes(forward) ? forward : "none";
  const stored = /;\s*stored/.test(status) ? ", stored" : "";
  return { kind: /** @type {any} */ (kind), word: kind === "none" ? "not cached" : kind + stored, key };
}
