/** Days of orders: short for a card, and those of the sums of sales, which are in UTC. */
import { LANGUAGE } from "../amounts.js";

const DAY = 86_400_000; // milliseconds
const NAMES = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const SHORT = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short", timeZone: "UTC" });
const CLOCK = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit" });
const LOCAL = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short", year: "2-digit" });

/** The last days up to today, the oldest first, such as 2026-11-30. @param {number} count */
export const daysSince = (count) => Array.from({ length: count }, (_, at) => new Date(Date.now() - (count - 1 - at) * DAY).toISOString().slice(0, 10));

/** The time of a moment of today, else its day. @param {string | null | undefined} at  an ISO time */
export function briefly(at) {
  if (!at) return "–";
  const moment = new Date(at);
  return (moment.toDateString() === new Date().toDateString() ? CLOCK : LOCAL).format(moment);
}

/** @param {string} day */
export const dayName = (day) => NAMES.format(new Date(`${day}T00:00:00Z`));

/** @param {number} seconds  since 1970 */
export const shortDay = (seconds) => SHORT.format(new Date(seconds * 1000));

/** @param {string} day */
export const secondsOf = (day) => Date.parse(`${day}T00:00:00Z`) / 1000;
