/** Short messages at the edge of the page, read out by screen readers. */
import { Value } from "./value.js";

const SHOWN = 6000; // milliseconds

export const said = new Value("");
let timer = 0;

/** @param {string} text  one sentence */
export function say(text) {
  said.set(text);
  clearTimeout(timer);
  timer = setTimeout(() => said.set(""), SHOWN);
}
