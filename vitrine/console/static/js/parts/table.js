/** A table by its columns; in a narrow window each row is a small card. */
import { html } from "../html.js";

/**
 * @template T
 * @typedef {object} Column
 * @property {string} name  the heading
 * @property {(row: T) => any} cell
 * @property {string} [kind]  classes: "number", "tight", "wide", "time", "actions"
 * @property {boolean} [label]  shown before the cell in a narrow window
 */

/**
 * @template T
 * @param {{caption: string, columns: Column<T>[], rows: T[], rowKey: (row: T) => any,
 *   rowClass?: (row: T) => string, detail?: (row: T) => any, empty: any}} props
 *   `detail` returns what is shown below a row, or nothing
 */
export function Table({ caption, columns, rows, rowKey, rowClass, detail, empty }) {
  if (!rows.length) return html`<p class="empty">${empty}</p>`;
  return html`<table role="table">
    <caption class="hidden">${caption}</caption>
    <thead role="rowgroup"><tr role="row">
      ${columns.map(({ name, kind }) => html`<th role="columnheader" scope="col" class=${kind ?? ""}>
        ${name || html`<span class="hidden">Actions</span>`}</th>`)}
    </tr></thead>
    <tbody role="rowgroup">
      ${rows.flatMap((row) => {
        const below = detail?.(row);
        return [
          html`<tr role="row" key=${rowKey(row)} class=${rowClass?.(row) ?? ""}>
            ${columns.map(({ name, kind, cell, label }) => html`<td role="cell" class=${kind ?? ""}
              data-label=${label ? name : undefined}>${cell(row)}</td>`)}
          </tr>`,
          below && html`<tr role="row" class="detail" key=${`${rowKey(row)} detail`}>
            <td role="cell" class="wide" colspan=${columns.length}>${below}</td></tr>`,
        ];
      })}
    </tbody>
  </table>`;
}
