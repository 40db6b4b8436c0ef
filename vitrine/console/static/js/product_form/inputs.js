/**
 * What stands in the form, and the values that it means.
 *
 * An input is what somebody typed: a text, or for attributes and options a list of rows. It is kept as
 * it is, so that nothing that was typed half is lost.
 */
import { NUMBER_HINT, numberOf, typed, typedPrice } from "../amounts.js";
import { FIELDS, PRICES } from "./fields.js";

/** @typedef {{name: string, kind: "text" | "number" | "boolean" | "other", values: string[], isList: boolean, raw?: unknown}} Row */

/** @typedef {{type?: string, required?: boolean, choices?: any[], unit?: string, min?: number, max?: number}} Rule  of an attribute */

/** @typedef {{value: unknown, errors: Record<string, string>}} Meaning  errors by JSON pointer */

/**
 * Return the input that means a value.
 * @param {string} name  of the field
 * @param {unknown} value
 * @param {string | null} [currency]  of a price
 * @returns {any}
 */
export function inputOf(name, value, currency) {
  if (name === "attributes" || name === "options") return rowsOf(/** @type {any} */ (value) ?? {});
  if (Array.isArray(value)) return value.join(", ");
  return PRICES.includes(name) ? typedPrice(value, currency) : typed(value);
}

/**
 * Return what an input means, or why it means nothing.
 * @param {string} name  of the field
 * @param {any} input
 * @returns {Meaning}
 */
export function meaningOf(name, input) {
  if (name === "attributes" || name === "options") return meaningOfRows(name, input);
  const kind = FIELDS.get(name)?.kind;
  if (kind === "tags") return { value: input.split(/[,،、]/).map((/** @type {string} */ tag) => tag.trim()).filter(Boolean), errors: {} };
  if (kind !== "number") return { value: kind === "long" ? input || null : input.trim() || null, errors: {} };
  const number = numberOf(input);
  return Number.isNaN(number) ? { value: null, errors: { [`/${name}`]: NUMBER_HINT } } : { value: number, errors: {} };
}

/** @param {Record<string, unknown>} values @returns {Row[]} */
const rowsOf = (values) => Object.entries(values).map(([name, value]) => rowOf(name, value));

/** @param {string} name @param {unknown} value @returns {Row} */
export function rowOf(name, value) {
  const several = Array.isArray(value) ? value : [value];
  const kinds = new Set(several.filter((each) => each != null).map((each) => typeof each));
  const isPlain = kinds.size <= 1 && [...kinds].every((kind) => ["string", "number", "boolean"].includes(kind));
  if (!isPlain) return { name, kind: "other", values: [JSON.stringify(value)], isList: false, raw: value };
  const [kind = "string"] = kinds;
  return { name, kind: /** @type {any} */ (kind === "string" ? "text" : kind), values: several.map(typed), isList: Array.isArray(value) };
}

/** Return a row of the kind that its rule demands, so that a value of another kind can be corrected. @param {Row} row @param {Rule} rule */
export function asRuled(row, { type, choices }) {
  const kinds = new Set(type ? [type] : choices?.map((choice) => typeof choice));
  const [only] = kinds.size === 1 ? kinds : [""];
  const kind = { boolean: "boolean", integer: "number", number: "number", string: "text" }[only ?? ""];
  return kind && row.kind !== "other" ? { ...row, kind: /** @type {Row["kind"]} */ (kind) } : row;
}

/** @param {string} field @param {Row[]} rows @returns {Meaning} */
function meaningOfRows(field, rows) {
  /** @type {Record<string, unknown>} */
  const value = {};
  /** @type {Record<string, string>} */
  const errors = {};
  for (const row of rows) {
    const name = row.name.trim();
    const pointer = `/${field}/${escaped(name)}`;
    const meant = row.kind === "other" ? [row.raw] : row.values.filter((text) => text.trim()).map((text) => valueOf(row.kind, text));
    if (!meant.length) continue; // An attribute without a value is one that the product has not.
    if (!name) errors[pointer] = "Has no name; write one, or empty the value.";
    else if (name in value) errors[pointer] = "There is another one with this name.";
    if (meant.some(Number.isNaN)) errors[pointer] = NUMBER_HINT;
    value[name] = row.kind !== "other" && (meant.length > 1 || row.isList) ? meant : meant[0];
  }
  return { value, errors };
}

/** @param {Row["kind"]} kind @param {string} text */
const valueOf = (kind, text) => (kind === "number" ? numberOf(text) : kind === "boolean" ? text === "true" : text.trim());

/** A name as a part of a JSON pointer (RFC 6901). @param {string} name */
export const escaped = (name) => name.replaceAll("~", "~0").replaceAll("/", "~1");
