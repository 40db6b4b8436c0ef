/**
 * Which product a photo is of, by the name of its file: the rule of `vitrine import images`.
 *
 * A file is of the products whose SKU, slug or name is the name of the file, with or without its suffix,
 * in any case and any Unicode form.
 */

const INVISIBLE = /[\p{Default_Ignorable_Code_Point}]/gu;
const BLANKS = /[\p{White_Space}\u2800]+/gu;
const SUFFIX = /(?<=.)\.[^.]*$/;

/**
 * Return what equal names share, in any case, with any blanks and invisible characters.
 * @param {string} text
 */
export function nameKey(text) {
  const plain = text.replace(INVISIBLE, "").replace(BLANKS, " ").trim();
  // In two steps, since "ß" and "SS" are equal; the sigma at the end of a word is one of two.
  return plain.normalize("NFD").toUpperCase().toLowerCase().replaceAll("ς", "σ").normalize("NFC");
}

/**
 * Return the name of a file without its suffix: what to search for.
 * @param {string} file
 */
export const stemOf = (file) => file.replace(SUFFIX, "");

/**
 * Return the products that a file names.
 * @template {{sku: string | null, slug: string | null, name: string | null}} Product
 * @param {string} file
 * @param {Product[]} products
 */
export function namedBy(file, products) {
  const names = new Set([file, stemOf(file)].map(nameKey));
  return products.filter(({ sku, slug, name }) => [sku, slug, name].some((text) => text && names.has(nameKey(text))));
}
