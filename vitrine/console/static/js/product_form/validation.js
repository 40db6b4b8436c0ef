/** What the API says about the values of the form: it is asked as somebody types, and writes nothing. */
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api.js";
import { missing } from "../session.js";

const WAIT = 400; // milliseconds after the last key

/** @typedef {{errors: Record<string, string>, sameName: number | null, isAsking: boolean}} Findings  errors by JSON pointer */

/** @type {Findings} */
const NONE = { errors: {}, sameName: null, isAsking: false };

/**
 * Ask what the API would answer to changes.
 * @param {Record<string, unknown>} changes
 * @param {any} product  as it is stored; null for a new one
 * @returns {Findings}
 */
export function useValidation(changes, product) {
  const text = JSON.stringify(changes);
  const slug = product?.slug;
  const [findings, setFindings] = useState(NONE);
  useEffect(() => {
    if (missing("products:write") || (product ? text === "{}" : !changes.name)) return setFindings(NONE);
    const stop = new AbortController();
    setFindings((last) => ({ ...last, isAsking: true }));
    const timer = setTimeout(async () => {
      // A batch names the product by its slug, so another slug is checked when it is saved.
      const item = product ? { ...changes, slug } : changes;
      const query = product ? "?key=slug&dry_run=true" : "?dry_run=true";
      const reply = await ask(`/api/products/products:batch${query}`, { method: "POST", body: [item], signal: stop.signal }).catch(() => null);
      if (stop.signal.aborted) return;
      const [result] = reply?.value?.results ?? [];
      setFindings({ errors: byPointer(result?.errors ?? []), sameName: result?.same_name ?? null, isAsking: false });
    }, WAIT);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text, slug]);
  return findings;
}

/**
 * Return the messages of errors by their pointers.
 * @param {{pointer?: string, message: string}[]} errors
 * @returns {Record<string, string>}
 */
export const byPointer = (errors) => Object.fromEntries(errors.map(({ pointer, message }) => [pointer ?? "", message]));

/**
 * Return what is said about a place and all below it, each with the part below.
 * @param {Record<string, string>} errors
 * @param {string} pointer
 * @returns {string}
 */
export function said(errors, pointer) {
  const exact = errors[pointer];
  const below = Object.entries(errors).filter(([place]) => place.startsWith(`${pointer}/`));
  return [exact, ...below.map(([place, message]) => `${place.slice(pointer.length + 1)}: ${message}`)].filter(Boolean).join(" ");
}
