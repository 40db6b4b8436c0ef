/** Numbers, prices and times of the shop's data, as the reader's own language writes them. */

/** The language of the browser, or English where the browser names one that does not exist, such as en-US@posix. */
export const LANGUAGE = known(navigator.language);
const PLAIN = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 20 });
const TYPED = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 20, useGrouping: false });
const WHEN = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "medium", timeStyle: "short" });
const DECIMAL = TYPED.formatToParts(1.5).find(({ type }) => type === "decimal")?.value ?? ".";
const DIGITS = [...Array(10).keys()].map((digit) => TYPED.format(digit));
/** @type {Map<string, Intl.NumberFormat>} by currency, or by decimals and grouping: to make one takes longer than to use it */
const PRICES = new Map();
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)$/;

function known(/** @type {string} */ language) {
  try {
    return Intl.getCanonicalLocales(language)[0];
  } catch {
    return "en-GB";
  }
}

/** @param {number | null | undefined} value */
export const amount = (value) => (value == null ? "–" : PLAIN.format(value));

/**
 * Return a price with its currency.
 * @param {number | null | undefined} value
 * @param {string | null | undefined} currency
 */
export function price(value, currency) {
  if (value == null) return "–";
  try {
    if (currency) return priceFormat(currency).format(value);
  } catch {
    // A code that is no currency is shown as it is.
  }
  const plain = decimal(value, null, true);
  return currency ? `${plain} ${currency}` : plain;
}

/** The decimals that prices in a currency have; two if it is unknown. @param {string | null | undefined} currency */
export function decimalsOf(currency) {
  try {
    return priceFormat(currency ?? "EUR").resolvedOptions().minimumFractionDigits ?? 2;
  } catch {
    return 2;
  }
}

/**
 * Return a price with its usual decimals, 29.90, and with more if it has more; without a currency, whole prices have none.
 * @param {number} value @param {string | null | undefined} currency @param {boolean} useGrouping
 */
function decimal(value, currency, useGrouping) {
  const least = currency || !Number.isInteger(value) ? decimalsOf(currency) : 0;
  const key = `${least} ${useGrouping}`;
  const format = PRICES.get(key) ?? new Intl.NumberFormat(LANGUAGE, { minimumFractionDigits: least, maximumFractionDigits: 20, useGrouping });
  PRICES.set(key, format);
  return format.format(value);
}

/** @param {string} currency */
function priceFormat(currency) {
  const format = PRICES.get(currency) ?? new Intl.NumberFormat(LANGUAGE, { style: "currency", currency, maximumFractionDigits: 10 });
  PRICES.set(currency, format);
  return format;
}

/** @param {string | null | undefined} at  an ISO time */
export const moment = (at) => (at ? WHEN.format(new Date(at)) : "–");

/**
 * Return a number as it stands in a field to be edited.
 * @param {unknown} value
 */
export const typed = (value) => (typeof value === "number" ? TYPED.format(value) : value == null ? "" : String(value));

/**
 * Return a price as it stands in a field to be edited: the exact number, with the usual decimals.
 * @param {unknown} value @param {string | null | undefined} [currency]
 */
export const typedPrice = (value, currency) => (typeof value === "number" ? decimal(value, currency, false) : typed(value));

/**
 * Return the number that somebody has typed; null for nothing, NaN if it is none.
 *
 * A point and a comma are both a decimal sign, so a text that could mean a thousand is refused.
 * @param {string} text
 */
export function numberOf(text) {
  const plain = plainOf(text);
  if (!plain) return null;
  const signs = plain.match(/[.,٫]/g) ?? [];
  if (signs.length > 1) return NaN;
  const isForeign = signs.length === 1 && signs[0] !== DECIMAL;
  if (isForeign && /[.,٫]\d{3}$/.test(plain)) return NaN;
  const standard = plain.replace(/[,٫]/, ".");
  return NUMBER.test(standard) ? Number(standard) : NaN;
}

/** True if a number was typed with a sign, so that it may be a difference. @param {string} text */
export const isSigned = (text) => /^[+-]/.test(plainOf(text));

/** With western digits and signs, without blanks and the marks of the direction of writing. @param {string} text */
const plainOf = (text) =>
  DIGITS.reduce((known, digit, at) => known.replaceAll(digit, String(at)), text).replace(/[\s\p{Cf}]/gu, "").replace("−", "-");

/** What to write instead of a number that cannot be read. */
export const NUMBER_HINT = `Is not a number; write it as ${TYPED.format(1234.5)}.`;
