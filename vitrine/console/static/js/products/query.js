/** The list of products that is shown, in the address of the page. */
import { go, query, replaceQuery } from "../router.js";
import { useValue } from "../value.js";
import { changed, listOf } from "./paths.js";

/** @returns {URLSearchParams} the parameters of the address that are about the list */
export const useList = () => listOf(useValue(query));

/** Show another list, with a step for the browser's back. @param {URLSearchParams} list @param {Record<string, string>} changes */
export const show = (list, changes) => go(`/products?${changed(list, changes)}`);

/** The same without a step, while somebody types. @param {URLSearchParams} list @param {Record<string, string>} changes */
export const showMeanwhile = (list, changes) => replaceQuery(changed(list, changes));
