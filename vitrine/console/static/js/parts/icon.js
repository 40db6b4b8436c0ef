/** Icons of 16 pixels, drawn with lines in the colour of the text. */
import { html } from "../html.js";

const PATHS = {
  overview: "M2 2h5v5H2zM9 2h5v5H9zM2 9h5v5H2zM9 9h5v5H9z",
  cache: "M8 1.5 14.5 5 8 8.5 1.5 5zM1.5 8 8 11.5 14.5 8M1.5 11 8 14.5 14.5 11",
  changes: "M2 4h9l-2.5-2.5M14 12H5l2.5 2.5M2 8h12",
  jobs: "M2 3h12v4H2zM2 9h12v4H2zM4.5 5h.01M4.5 11h.01",
  trace: "M4 2v12M4 4h8M4 8h5M4 12h9",
  doctor: "M1.5 8.5h3l2-5 3 9 2-4h3",
  products: "M2 5 8 2l6 3v6l-6 3-6-3zM2 5l6 3 6-3M8 8v6",
  categories: "M2 2h5v4H2zM9 10h5v4H9zM4.5 6v6H9M4.5 8H9",
  orders: "M1.5 2h2l2 8h7l2-6H4.2M6 13.5h.01M12 13.5h.01",
  clients: "M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 14c0-3 2.5-4 6-4s6 1 6 4",
  import: "M8 2v8M4.5 6.5 8 10l3.5-3.5M2 10v4h12v-4",
  settings: "M2 4h7M13 4h1M2 12h1M7 12h7M11 6a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM5 14a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
  move: "M8 1.5v13M1.5 8h13M6 3.5l2-2 2 2M6 12.5l2 2 2-2M3.5 6l-2 2 2 2M12.5 6l2 2-2 2",
  copy: "M5.5 5.5v-4h9v9h-4M1.5 5.5h9v9h-9z",
};

/** @param {{name: keyof typeof PATHS}} props */
export function Icon({ name }) {
  return html`<svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5"
    stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}
