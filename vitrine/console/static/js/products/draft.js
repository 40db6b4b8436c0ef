/** What is being typed into cells, kept in the tab so that neither a reload nor another cell loses it. */
const KEY = "vitrine.products.cells";

/**
 * @typedef {object} Draft
 * @property {number} id
 * @property {string} column
 * @property {string} text
 * @property {string} reason  of a change of the stock
 * @property {any} before  the value that the reader saw when the typing began
 * @property {import("./save.js").Sent} [sent]  the change of the stock whose answer has not come
 */

let all = kept();

/** @returns {Draft[]} the last one that was begun at the end */
export const drafts = () => all;

/** @param {number} id @param {string} column */
export const draftOf = (id, column) => all.find((each) => isOf(each, id, column));

/** @param {Draft} draft */
export function keepDraft(draft) {
  const others = all.filter((each) => !isOf(each, draft.id, draft.column));
  keep([...others, draft]);
}

/** @param {number} id @param {string} column */
export function dropDraft(id, column) {
  keep(all.filter((each) => !isOf(each, id, column)));
}

/** @param {Draft} draft @param {number} id @param {string} column */
const isOf = (draft, id, column) => draft.id === id && draft.column === column;

/** @param {Draft[]} next */
function keep(next) {
  all = next;
  try {
    if (all.length) sessionStorage.setItem(KEY, JSON.stringify(all));
    else sessionStorage.removeItem(KEY);
  } catch {
    // The storage of the tab is full: the drafts last until the page is left.
  }
}

/** @returns {Draft[]} */
function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
  } catch {
    return [];
  }
}
