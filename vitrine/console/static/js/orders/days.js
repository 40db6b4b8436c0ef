/** Days as the sums of sales have them, in UTC. */

const DAY = 86_400_000; // milliseconds
const NAMES = new Intl.DateTimeFormat(language(), { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const SHORT = new Intl.DateTimeFormat(language(), { day: "numeric", month: "short", timeZone: "UTC" });

/** The language of the browser, or English where the browser names none. */
function language() {
  try {
    return Intl.getCanonicalLocales(navigator.language)[0];
  } catch {
    return "en-GB";
  }
}

/** The last days up to today, the oldest first, such as 2026-11-30. @param {number} count */
export const daysSince = (count) => Array.from({ length: count }, (_, at) => new Date(Date.now() - (count - 1 - at) * DAY).toISOString().slice(0, 10));

/** @param {string} day */
export const dayName = (day) => NAMES.format(new Date(`${day}T00:00:00Z`));

/** @param {number} seconds  since 1970 */
export const shortDay = (seconds) => SHORT.format(new Date(seconds * 1000));

/** @param {string} day */
export const secondsOf = (day) => Date.parse(`${day}T00:00:00Z`) / 1000;
