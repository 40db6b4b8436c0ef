/** What was typed and is not saved: kept in the tab, so that it survives a reload. */

/** @param {string} key @returns {any} null if nothing is kept */
export function draftOf(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null");
  } catch {
    return null; // It was written by something else.
  }
}

/** @param {string} key @param {unknown} draft  null to forget it */
export function keepDraft(key, draft) {
  try {
    if (draft) sessionStorage.setItem(key, JSON.stringify(draft));
    else sessionStorage.removeItem(key);
  } catch {
    // The storage of the tab is full: what was typed stays in the form.
  }
}
