/** Elements written as tagged templates: every part and page imports `html` from here. */
import { h } from "preact";
import htm from "htm";

export const html = htm.bind(h);
