/**
 * What was typed into the form of a product and is not saved: kept in the tab, so that it survives a
 * reload, another page, and a token that has expired.
 */
import { useEffect, useState } from "preact/hooks";
import { randomName } from "../random.js";

/**
 * @typedef {object} Draft
 * @property {Record<string, any>} inputs  what was typed, by field
 * @property {Record<string, unknown>} before  the stored values when the typing began
 * @property {string} key  of the request that creates a new product, so that it is created once
 */

const keyOf = (/** @type {string} */ ref) => `vitrine.draft.products/${ref}`;

/** @returns {Draft} */
const empty = () => ({ inputs: {}, before: {}, key: randomName() });

/** @param {string} ref @returns {Draft} */
function read(ref) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(keyOf(ref)) ?? "null");
    if (kept?.inputs && kept.before && kept.key) return kept;
  } catch {
    // It was written by something else.
  }
  return empty();
}

/**
 * The draft of a product.
 * @param {string} ref  "new", or the id of a product; empty while it is unknown
 */
export function useDraft(ref) {
  const [draft, setDraft] = useState(() => read(ref));
  const [wasKept, setWasKept] = useState(() => Object.keys(read(ref).inputs).length > 0);
  useEffect(() => {
    const known = read(ref);
    setDraft(known);
    setWasKept(Object.keys(known.inputs).length > 0);
  }, [ref]);
  const keep = (/** @type {Draft} */ next) => {
    setDraft(next);
    try {
      if (Object.keys(next.inputs).length) sessionStorage.setItem(keyOf(ref), JSON.stringify(next));
      else sessionStorage.removeItem(keyOf(ref));
    } catch {
      // The storage of the tab is full: what was typed stays in the form.
    }
  };
  return {
    draft,
    /** True if the draft is from before the form was opened. */
    wasKept,
    /** Note what was typed. @param {string} name @param {any} input @param {unknown} stored */
    type(name, input, stored) {
      const before = name in draft.before ? draft.before : { ...draft.before, [name]: stored ?? null };
      keep({ ...draft, inputs: { ...draft.inputs, [name]: input }, before });
    },
    /** Begin with some inputs. @param {Record<string, any>} inputs */
    begin: (inputs) => keep({ ...draft, inputs }),
    /** Take the values that are stored now as those that were seen. @param {any} stored */
    rebase: (stored) => keep({ ...draft, before: Object.fromEntries(Object.keys(draft.before).map((name) => [name, stored[name] ?? null])) }),
    clear() {
      setWasKept(false);
      keep(empty());
    },
  };
}
