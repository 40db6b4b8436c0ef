/** A row of figures, each with its name and one short remark. */
import { html } from "../html.js";

/** @param {{items: {name: string, value: any, remark?: any}[]}} props */
export const Figures = ({ items }) =>
  html`<dl class="figures">${items.map(({ name, value, remark }) => html`<div class="figure" key=${name}>
    <dt>${name}</dt><dd>${value}<span class="small dim">${remark ?? ""}</span></dd></div>`)}</dl>`;
