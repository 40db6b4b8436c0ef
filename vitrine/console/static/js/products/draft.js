/** What is being typed into a cell, kept in the tab so that a reload does not lose it. */
const KEY = "vitrine.products.cell";

/** @typedef {{id: number, column: string, text: string, reason?: string}} Draft */

/** @returns {Draft | null} */
export function draft() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  } catch {
    return null;
  }
}

/** @param {Draft | null} value */
export function keepDraft(value) {
  if (value) sessionStorage.setItem(KEY, JSON.stringify(value));
  else sessionStorage.removeItem(KEY);
}
