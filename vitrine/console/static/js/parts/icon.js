/** Icons of 16 pixels, drawn with lines in the colour of the text. */
import { html } from "../html.js";

const PATHS = {
  overview: "M2 2h5v5H2zM9 2h5v5H9zM2 9h5v5H2zM9 9h5v5H9z",
  cache: "M8 1.5 14.5 5 8 8.5 1.5 5zM1.5 8 8 11.5 14.5 8M1.5 11 8 14.5 14.5 11",
  changes: "M2 4h9l-2.5-2.5M14 12H5l2.5 2.5M2 8h12",
  jobs: "M2 3h12v4H2zM2 9h12v4H2zM4.5 5h.01M4.5 11h.01",
  trace: "M4 2v12M4 4h8M4 8h5M4 12h9",
  doctor: "M1.5 8.5h3l2-5 3 9 2-4h3",
  copy: "M5.5 5.5v-4h9v9h-4M1.5 5.5h9v9h-9z",
};

/** @param {{name: keyof typeof PATHS}} props */
export function Icon({ name }) {
  return html`<svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5"
    stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}
