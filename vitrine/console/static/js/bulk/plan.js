/** What an edit of many products gives to each: the new values, or why there are none. */
import { decimalsOf } from "../amounts.js";

/**
 * @typedef {object} Change
 * @property {"price" | "category" | "brand" | "status" | "tags" | "attribute"} field
 * @property {string} how  "set", "percent", "amount"; of tags "set", "add", "remove"
 * @property {any} value
 * @property {number | null} [ending]  of prices: 0.99, 0.95, 0 for whole ones, null for no rounding
 * @property {string} [name]  of an attribute
 */

/** @typedef {{item: any, after?: Record<string, any>, why?: string}} Planned */

/**
 * @param {any} item
 * @param {Change} change
 * @returns {Planned}
 */
export function planned(item, change) {
  const { field, how, value } = change;
  if (!item.slug) return { item, why: "It has no slug yet, because it was made by hand; save it once." };
  if (field === "attribute") return { item, after: { attributes: { [change.name ?? ""]: value } } };
  if (field === "tags") return { item, after: { tags: tagsOf(item.tags ?? [], how, value) } };
  if (field !== "price") return { item, after: { [field]: value } };
  if (how !== "set" && typeof item.price !== "number") return { item, why: "It has no price." };
  const places = decimalsOf(item.currency);
  const exact = how === "set" ? value : how === "percent" ? item.price * (1 + value / 100) : item.price + value;
  if (exact === null) return { item, after: { price: null } };
  const price = ended(exact, change.ending ?? null, places);
  if (!Number.isFinite(price)) return { item, why: "Its price would be too large." };
  return price < 0 ? { item, why: "Its price would be below zero." } : { item, after: { price } };
}

/** @param {string[]} tags @param {string} how @param {string[]} value */
function tagsOf(tags, how, value) {
  if (how === "add") return [...new Set([...tags, ...value])];
  return how === "remove" ? tags.filter((tag) => !value.includes(tag)) : value;
}

/**
 * Round to the nearest price with an ending such as .99, and to the decimals of the currency.
 * @param {number} price @param {number | null} ending @param {number} places
 */
function ended(price, ending, places) {
  if (ending === null) return rounded(price, places);
  const nearest = rounded(rounded(price - ending, places), 0) + ending;
  return rounded(nearest < 0 ? ending : nearest, places);
}

/** Round half up, by the decimal digits that people see. @param {number} value @param {number} places */
const rounded = (value, places) => {
  const scaled = shifted(Number(value.toPrecision(15)), places);
  return shifted(Math.sign(scaled) * Math.round(Math.abs(scaled)), -places);
};

/** Move the decimal point; a text may have an exponent already, such as 1.1e-16. @param {number} value @param {number} places */
function shifted(value, places) {
  const [digits, exponent = "0"] = String(value).split("e");
  return Number(`${digits}e${Number(exponent) + places}`);
}
