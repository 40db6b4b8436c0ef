/** What the form would write: the values that were typed and differ from those that are stored. */
import { same } from "../edits/same.js";
import { FIELDS, OTHERS } from "./fields.js";
import { inputOf, meaningOf } from "./inputs.js";

/** The fields that the form may change. */
export const WRITABLE = [...FIELDS.keys(), ...OTHERS];

/**
 * @param {any} product  as it is stored; null for a new one
 * @param {Record<string, any>} inputs  what was typed, by field
 */
export function changesOf(product, inputs) {
  /** @type {Record<string, unknown>} */
  const after = {};
  /** @type {Record<string, string>} */
  const errors = {};
  const changed = new Set();
  for (const name of WRITABLE) {
    if (!(name in inputs)) continue;
    const meaning = meaningOf(name, inputs[name]);
    const stored = product ? product[name] : undefined;
    const isFaulty = Object.keys(meaning.errors).length > 0;
    if (!isFaulty && same(meaning.value, emptyAsNull(name, stored))) continue;
    changed.add(name);
    Object.assign(errors, meaning.errors);
    if (!isFaulty) after[name] = meaning.value;
  }
  return { after, errors, changed };
}

/** A stored value as the form means it: no tags are an empty list, no attributes an empty object. */
function emptyAsNull(/** @type {string} */ name, /** @type {unknown} */ stored) {
  if (name === "tags") return stored ?? [];
  return name === "attributes" || name === "options" ? (stored ?? {}) : (stored ?? null);
}

/**
 * What stands in a field: what was typed, else what is stored.
 * @param {any} product
 * @param {Record<string, any>} inputs
 * @param {string} name
 */
export const shownInput = (product, inputs, name) =>
  name in inputs ? inputs[name] : inputOf(name, product ? product[name] : name === "status" ? "active" : undefined, product?.currency);
