/**
 * The grid of the products: arrows go from cell to cell, Enter edits, the space bar selects.
 *
 * One cell can be reached by Tab, the one that had the focus last, as the pattern of a grid says.
 */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";
import { letterOf } from "../keys.js";
import { loadPart } from "../parts/lazy.js";
import { isEditable } from "./columns/columns.js";
import { drafts } from "./draft.js";
import { loadEditor, Row } from "./row.js";

const LEAP = 10; // rows of a page key
const FIRST = 20; // rows that are painted before the others, more than a screen has

/** @typedef {{key: string, item: any, kind: "item" | "group" | "variant"}} Line */

/**
 * @param {{columns: import("./columns/columns.js").Column[], lines: Line[], selected: Map<number, any>, lit: Set<number>, open: Map<number, any>, brands: string[],
 *   ordering: string, isTrash: boolean, isBusy: boolean,
 *   onSort: (ordering: string) => void, onSelect: (lines: Line[], isOn: boolean) => void, onFold: (item: any) => void, onSaved: (item: any) => void}} props
 */
export function Grid({ columns, lines, selected, lit, open, brands, ordering, isTrash, isBusy, onSort, onSelect, onFold, onSaved }) {
  const table = useRef(/** @type {HTMLTableElement | null} */ (null));
  const [editing, setEditing] = useState(/** @type {{key: string, column: string} | null} */ (null));
  const [isWhole, setWhole] = useState(lines.length <= FIRST);
  useEffect(() => {
    // After the first rows are painted.
    setWhole(true);
    loadPart(loadEditor).catch(() => {}); // It is loaded again when it is used.
  }, []);
  const anchor = useRef("");
  const back = useRef(/** @type {[number, number] | null} */ (null));
  const body = () => /** @type {HTMLTableSectionElement} */ (table.current?.tBodies[0]);
  const placeOf = (/** @type {string} */ key, /** @type {string} */ column) =>
    /** @type {[number, number]} */ ([lines.findIndex((line) => line.key === key), columns.findIndex(({ id }) => id === column) + 1]);
  const focus = (/** @type {number} */ row, /** @type {number} */ cell) => {
    const rows = body().rows;
    const cells = rows[Math.max(0, Math.min(row, rows.length - 1))]?.cells;
    const node = cells?.[Math.max(0, Math.min(cell, cells.length - 1))];
    node?.focus();
    node?.scrollIntoView({ block: "nearest" });
  };
  const edit = (/** @type {number} */ row, /** @type {number} */ cell) => {
    const [line, column] = [lines[row], columns[cell - 1]];
    const isPossible = Boolean(line && column && line.kind !== "group" && isEditable(column, line.item));
    if (isPossible) setEditing({ key: line.key, column: column.id });
    return isPossible;
  };
  const select = (/** @type {string} */ key, isRange = false) => {
    const [from, to] = [lines.findIndex((line) => line.key === anchor.current), lines.findIndex((line) => line.key === key)];
    const isOn = isRange || !selected.has(lines[to].item.id);
    const range = isRange && from >= 0 ? lines.slice(Math.min(from, to), Math.max(from, to) + 1) : [lines[to]];
    anchor.current = key;
    onSelect(range, isOn);
  };
  /** The next cell that can be edited, in this row or in the one after it. */
  const goOn = (/** @type {number} */ row, /** @type {number} */ cell, /** @type {number} */ step) => {
    const width = columns.length;
    for (let at = row * width + cell - 1 + step; at >= 0 && at < lines.length * width; at += step) {
      if (edit(Math.floor(at / width), (at % width) + 1)) return;
    }
    back.current = [row, cell];
    setEditing(null);
  };
  const act = useRef(/** @type {any} */ ({})).current; // The same object, so that rows are not drawn again.
  Object.assign(act, {
    select,
    fold: onFold,
    edit: (/** @type {string} */ key, /** @type {string} */ column) => edit(...placeOf(key, column)),
    saved: onSaved,
    close: (/** @type {string} */ key, /** @type {string} */ column, /** @type {number} */ step) => {
      const place = placeOf(key, column);
      if (step) return goOn(...place, step);
      // A click elsewhere has moved the focus already, and keeps it.
      if (!document.activeElement || document.activeElement === document.body || table.current?.contains(document.activeElement)) back.current = place;
      return setEditing((last) => (last?.key === key && last.column === column ? null : last));
    },
  });
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const cell = /** @type {Element} */ (event.target).closest("td");
    if (!cell) return;
    const [row, at] = [/** @type {HTMLTableRowElement} */ (cell.parentElement).sectionRowIndex, cell.cellIndex];
    const isControl = event.ctrlKey || event.metaKey;
    const isLast = lines.length - 1;
    const moves = /** @type {Record<string, [number, number]>} */ ({
      ArrowDown: [row + 1, at], ArrowUp: [row - 1, at], ArrowLeft: [row, at - 1], ArrowRight: [row, at + 1],
      PageDown: [row + LEAP, at], PageUp: [row - LEAP, at], Home: [isControl ? 0 : row, 0], End: [isControl ? isLast : row, columns.length + 1],
    });
    if (event.key === " ") select(lines[row].key, event.shiftKey);
    else if (isControl && letterOf(event) === "a") onSelect(lines, true);
    else if (event.key === "Escape" && selected.size) onSelect(lines, false);
    else if (event.key === "Enter" || event.key === "F2") {
      const button = /** @type {HTMLElement | null} */ (cell.querySelector("a, button"));
      if (!edit(row, at)) button?.click();
    } else if (moves[event.key] && !event.altKey) {
      if (event.shiftKey && (event.key === "ArrowDown" || event.key === "ArrowUp") && lines[moves[event.key][0]]) {
        if (!selected.has(lines[row].item.id)) select(lines[row].key);
        onSelect([lines[moves[event.key][0]]], true);
      }
      focus(...moves[event.key]);
    } else return;
    event.preventDefault();
  };
  const onFocusIn = (/** @type {FocusEvent} */ event) => {
    const cell = /** @type {Element} */ (event.target).closest("td");
    if (!cell) return;
    for (const other of body().querySelectorAll("td[tabindex='0']")) if (other !== cell) other.setAttribute("tabindex", "-1");
    cell.tabIndex = 0;
  };
  useLayoutEffect(() => {
    const place = back.current;
    back.current = null;
    if (place) focus(...place);
    if (!body().querySelector("td[tabindex='0']")) body().rows[0]?.cells[1]?.setAttribute("tabindex", "0");
  });
  useEffect(() => {
    if (editing) return undefined;
    // What was typed before a reload.
    for (const { id, column } of drafts().toReversed()) {
      const line = lines.find(({ item, kind }) => item.id === id && kind !== "group");
      if (line && columns.some((each) => each.id === column && each.editor)) return void setEditing({ key: line.key, column });
    }
    return undefined;
  }, [lines.length === 0]);
  const isAll = lines.length > 0 && lines.every(({ item }) => selected.has(item.id));
  return html`<div class="grid-box">
    <table role="grid" class="grid" ref=${table} aria-label="Products" aria-multiselectable="true" aria-busy=${isBusy} onKeyDown=${onKeyDown} onFocusIn=${onFocusIn}>
      <thead role="rowgroup"><tr role="row">
        <th role="columnheader" scope="col" class="tight"><input type="checkbox" aria-label="Select all rows that are shown" checked=${isAll} onChange=${() => onSelect(lines, !isAll)} /></th>
        ${columns.map((column) => html`<${Head} key=${column.id} column=${column} ordering=${ordering} onSort=${onSort} />`)}
        <th role="columnheader" scope="col" class="tight"><span class="hidden">Open</span></th>
      </tr></thead>
      <tbody role="rowgroup">${(isWhole ? lines : lines.slice(0, FIRST)).map(({ key, item, kind }) => html`<${Row} key=${key} id=${key} item=${item} kind=${kind} columns=${columns} act=${act} brands=${brands}
        isTrash=${isTrash} isSelected=${selected.has(item.id)} isLit=${lit.has(item.id)} isOpen=${open.has(item.id)} editing=${editing?.key === key ? editing.column : ""} />`)}</tbody>
    </table>
  </div>`;
}

/** A heading that sorts: up, down, and as before. */
function Head({ column, ordering, onSort }) {
  const { id, name, kind = "", sorts } = column;
  const direction = ordering === id ? "ascending" : ordering === `-${id}` ? "descending" : "none";
  const next = { none: id, ascending: `-${id}`, descending: "" }[/** @type {"none"} */ (direction)];
  return html`<th role="columnheader" scope="col" class=${kind} aria-sort=${sorts ? direction : undefined}>
    ${sorts ? html`<button type="button" class="link" onClick=${() => onSort(next)}>${name}<span aria-hidden="true">${{ none: "", ascending: " ↑", descending: " ↓" }[/** @type {"none"} */ (direction)]}</span></button>` : name}</th>`;
}
