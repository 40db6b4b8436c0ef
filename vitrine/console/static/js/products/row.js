/** A row of the grid: a product, a group of variants, or a variant of a group that is unfolded. */
import { useMemo } from "preact/hooks";
import { amount, price } from "../amounts.js";
import { counted } from "../format.js";
import { html } from "../html.js";
import { Lazy } from "../parts/lazy.js";
import { isEditable } from "./columns/columns.js";

/** The module that edits a cell; the grid loads it when the rows are there. */
export const loadEditor = () => import("./cell_editor.js");

const OF_GROUP = ["category", "brand", "group"]; // what variants have in common

/**
 * @param {{id: string, item: any, kind: "item" | "group" | "variant", columns: import("./columns/columns.js").Column[], act: any, brands: string[],
 *   isTrash: boolean, isSelected: boolean, isLit: boolean, isOpen: boolean, editing: string}} props
 */
export function Row({ id, item, kind, columns, act, brands, isTrash, isSelected, isLit, isOpen, editing }) {
  return useMemo(() => {
    const onClick = (/** @type {any} */ event) => {
      const column = columnOf(event);
      if (event.shiftKey) return act.select(id, true);
      return column && event.pointerType === "touch" ? act.edit(id, column) : undefined;
    };
    return html`<tr role="row" aria-selected=${isSelected} class="${kind} ${isLit ? "lit" : ""}" onClick=${onClick}
      onDblClick=${(/** @type {Event} */ event) => columnOf(event) && act.edit(id, columnOf(event))}>
      <td role="gridcell" class="tight" tabindex="-1"><input type="checkbox" tabindex="-1" aria-label=${`Select ${item.name}`} checked=${isSelected}
        onClick=${(/** @type {MouseEvent} */ event) => {
          event.stopPropagation();
          act.select(id, event.shiftKey);
        }} /></td>
      ${columns.map((column) => html`<td role="gridcell" key=${column.id} class=${column.kind ?? ""} data-column=${column.id} data-label=${column.id === "name" ? undefined : column.name}
        tabindex="-1" aria-readonly=${kind === "group" || !isEditable(column, item)}>
        ${editing === column.id
          ? html`<${Lazy} load=${loadEditor} part="CellEditor" props=${{
            column, item, brands, onSaved: act.saved, onOpen: () => act.edit(id, column.id),
            onClose: (/** @type {number} */ step) => act.close(id, column.id, step),
          }} />`
          : kind === "group" ? Summary(column, item, isOpen, act) : Cell(column, item, kind)}</td>`)}
      <td role="gridcell" class="tight" tabindex="-1">${isTrash ? html`<span class="dim">–</span>` : html`<a href=${`/products/${item.id}`} tabindex="-1" aria-label=${`Open ${item.name}`}>Open</a>`}</td>
    </tr>`;
  }, [item, kind, columns, brands, isTrash, isSelected, isLit, isOpen, editing]);
}

/** @param {Event} event */
const columnOf = (event) => {
  const target = /** @type {Element} */ (event.target);
  return target.closest("a, button, input, select") ? "" : (/** @type {HTMLElement | null} */ (target.closest("td[data-column]"))?.dataset.column ?? "");
};

/** @param {import("./columns/columns.js").Column} column @param {any} item @param {string} kind */
function Cell(column, item, kind) {
  if (column.id !== "name" || kind !== "variant") return column.cell(item);
  const options = Object.entries(item.options ?? {}).map(([name, value]) => `${name}: ${value}`);
  return html`${column.cell(item)}<span class="dim small" dir="auto"> ${options.join(", ")}</span>`;
}

/** What a folded group shows: a range of prices, all of its stock, and how many variants it has. */
function Summary(/** @type {import("./columns/columns.js").Column} */ column, /** @type {any} */ item, /** @type {boolean} */ isOpen, /** @type {any} */ act) {
  const { variants } = item;
  if (column.id === "name") {
    return html`<span class="fold"><button type="button" class="link" tabindex="-1" aria-expanded=${isOpen} aria-label=${`${counted(variants.count, "variant")} of ${item.name}`} onClick=${() => act.fold(item)}>
      <span aria-hidden="true">${isOpen ? "▾" : "▸"}</span> ${counted(variants.count, "variant")}</button>${column.cell(item)}</span>`;
  }
  if (column.id === "price") {
    const { min, max } = variants.price;
    return min === max ? price(min, item.currency) : `${price(min, item.currency)} – ${price(max, item.currency)}`;
  }
  if (column.id === "stock") return variants.stock == null ? html`<span class="dim">not counted</span>` : amount(variants.stock);
  return OF_GROUP.includes(column.id) ? column.cell(item) : html`<span class="dim">…</span>`;
}
