/** The uploads to one product that are under way, or were refused. */
import { useState } from "preact/hooks";
import { upload } from "./upload.js";

/** @typedef {{row: number, file: File, error: string}} Upload */

let count = 0;

/**
 * @param {number} id  of the product
 * @param {() => void} reload  called when a picture has arrived
 */
export function useUploads(id, reload) {
  const [uploads, setUploads] = useState(/** @type {Upload[]} */ ([]));
  const leave = (/** @type {number} */ row) => setUploads((all) => all.filter((each) => each.row !== row));
  const one = async (/** @type {File} */ file) => {
    const row = ++count;
    setUploads((all) => [...all, { row, file, error: "" }]);
    const { error, had } = await upload(id, file);
    const why = had ? "The product has this picture already." : error;
    if (why) return setUploads((all) => all.map((each) => (each.row === row ? { ...each, error: why } : each)));
    leave(row);
    return reload();
  };
  const send = (/** @type {File[]} */ files, /** @type {number} */ instead = 0) => {
    if (instead) leave(instead);
    files.forEach(one);
  };
  return { uploads, send, leave };
}
