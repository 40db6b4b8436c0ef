/** The photos that were dropped on the products in this tab. */
import { Value } from "../value.js";

/**
 * @typedef {object} Photo  a photo, or one of several products that it is of
 * @property {number} row
 * @property {File} file
 * @property {any} product  with id and name; null while it is unknown
 * @property {"looking" | "unmatched" | "uploading" | "waiting" | "ready" | "had" | "failed"} state
 * @property {string} why  a sentence
 * @property {any} image  of the product
 */

/** @type {Value<Photo[]>} */
export const dropped = new Value(/** @type {Photo[]} */ ([]));
