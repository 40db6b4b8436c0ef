/** Equality of JSON values; the order of the members of an object means nothing. */

/** @param {unknown} one @param {unknown} other */
export const same = (one, other) => text(one) === text(other);

/** @param {unknown} value */
const text = (value) => JSON.stringify(value ?? null, (_, part) => (isObject(part) ? sorted(part) : part));

/** @param {any} value */
const isObject = (value) => value && typeof value === "object" && !Array.isArray(value);

/** @param {Record<string, unknown>} value */
const sorted = (value) => Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
