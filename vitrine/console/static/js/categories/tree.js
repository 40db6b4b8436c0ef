/** The tree: by mouse with drag and drop, by keys with the arrows; Alt and an arrow moves. */
import { useEffect, useRef, useState } from "preact/hooks";
import { number } from "../format.js";
import { html } from "../html.js";
import { useValue } from "../value.js";

/** @typedef {import("./branches.js").Category} Category */

/**
 * @param {{tree: import("./branches.js").Branches, chosen: string, onChoose: (item: Category) => void,
 *   onMove: (item: Category, target: Category | null) => void, onRename: () => void, onDelete: () => void}} props
 */
export function Tree({ tree, chosen, onChoose, onMove, onRename, onDelete }) {
  useValue(tree.version);
  const rows = tree.rows();
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [at, setAt] = useState(""); // the slug that Tab leads to
  const [over, setOver] = useState(/** @type {string | null} */ (null));
  const dragged = useRef(/** @type {Category | null} */ (null));
  useEffect(() => setAt(chosen), [chosen]);
  const known = rows.some(({ item }) => item.slug === at) ? at : (rows[0]?.item.slug ?? "");
  const focus = (/** @type {string | undefined} */ slug) => {
    if (slug === undefined) return;
    setAt(slug);
    /** @type {HTMLElement | null | undefined} */ (box.current?.querySelector(`[data-slug="${CSS.escape(slug)}"]`))?.focus();
  };
  const bySlug = (/** @type {string | null} */ slug) => rows.find(({ item }) => item.slug === slug)?.item ?? null;
  const press = (/** @type {KeyboardEvent} */ event) => {
    const index = rows.findIndex(({ item }) => item.slug === known);
    const row = rows[index];
    if (!row || event.ctrlKey || event.metaKey) return;
    const act = event.altKey ? moves(row, index)[event.key] : steps(row, index)[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };
  /** @returns {Record<string, () => void>} */
  const steps = (/** @type {any} */ { item, isOpen, hasChildren }, /** @type {number} */ index) => ({
    ArrowDown: () => focus(rows[index + 1]?.item.slug),
    ArrowUp: () => focus(rows[index - 1]?.item.slug),
    ArrowRight: () => (isOpen ? focus(rows[index + 1]?.level > rows[index].level ? rows[index + 1].item.slug : undefined) : hasChildren && tree.open(item.slug)),
    ArrowLeft: () => (isOpen ? tree.close(item.slug) : focus(item.parent ?? undefined)),
    Home: () => focus(rows[0].item.slug),
    End: () => focus(rows.at(-1)?.item.slug),
    Enter: () => onChoose(item),
    " ": () => onChoose(item),
    F2: () => (onChoose(item), onRename()),
    Delete: () => (onChoose(item), onDelete()),
  });
  /** Into the one above it, or out, beside its parent. @returns {Record<string, () => void>} */
  const moves = (/** @type {any} */ { item, level }, /** @type {number} */ index) => ({
    ArrowRight: () => {
      const above = rows.slice(0, index).reverse().find((row) => row.level === level && row.item.parent === item.parent);
      if (above) onMove(item, above.item);
    },
    ArrowLeft: () => {
      const parent = bySlug(item.parent);
      if (parent) onMove(item, bySlug(parent.parent));
    },
  });
  const drop = (/** @type {DragEvent} */ event, /** @type {Category | null} */ target) => {
    event.preventDefault();
    event.stopPropagation();
    setOver(null);
    const item = dragged.current;
    dragged.current = null;
    const isInside = item && target?.path.includes(item.slug);
    if (item && !isInside && (item.parent ?? null) !== (target?.slug ?? null)) onMove(item, target);
  };
  const allow = (/** @type {DragEvent} */ event, /** @type {string} */ slug) => {
    if (!dragged.current) return;
    event.preventDefault();
    event.stopPropagation();
    setOver(slug);
  };
  const root = tree.branch("");
  if (root && !rows.length) return html`<p class="empty">${root.error || "There is no category yet. Add the first one above."}</p>`;
  return html`<div class=${`treebox ${over === "" ? "over" : ""}`} onDragOver=${(/** @type {DragEvent} */ event) => allow(event, "")} onDrop=${(/** @type {DragEvent} */ event) => drop(event, null)}>
    <div class="tree" role="tree" aria-label="Categories" ref=${box} onKeyDown=${press}>
      ${rows.map(({ item, level, isOpen, hasChildren, place, of }) => html`<div role="treeitem" key=${item.slug} data-slug=${item.slug}
        class=${over === item.slug ? "over" : ""} ref=${(/** @type {HTMLElement | null} */ node) => node?.style.setProperty("--level", String(level))}
        tabindex=${item.slug === known ? 0 : -1} aria-level=${level} aria-setsize=${of} aria-posinset=${place}
        aria-expanded=${hasChildren ? isOpen : undefined} aria-selected=${item.slug === chosen} draggable=${true}
        onClick=${() => (setAt(item.slug), onChoose(item))} onFocus=${() => setAt(item.slug)}
        onDragStart=${(/** @type {DragEvent} */ event) => ((dragged.current = item), event.dataTransfer?.setData("text/plain", item.slug))}
        onDragOver=${(/** @type {DragEvent} */ event) => allow(event, item.slug)} onDrop=${(/** @type {DragEvent} */ event) => drop(event, item)}
        onDragEnd=${() => setOver(null)}>
        <span class="twist" aria-hidden="true" onClick=${(/** @type {Event} */ event) => {
          event.stopPropagation();
          if (hasChildren) isOpen ? tree.close(item.slug) : tree.open(item.slug);
        }}>${hasChildren ? (isOpen ? "▾" : "▸") : ""}</span>
        <span class="name" dir="auto">${item.name ?? item.slug}</span>
        <span class="number dim small" title="Active products in it and below">${item.product_count == null ? "" : number(item.product_count)}</span>
      </div>`)}
    </div>
    <${More} tree=${tree} rows=${rows} />
  </div>`;
}

/** Buttons for open categories that have more children than were read. */
function More({ tree, rows }) {
  const parents = ["", ...rows.filter((/** @type {any} */ row) => row.isOpen).map((/** @type {any} */ row) => row.item.slug)];
  const cut = parents.filter((slug) => tree.branch(slug)?.cursor);
  return cut.map((slug) => html`<button type="button" key=${slug} onClick=${() => tree.load(slug, true)}>
    More ${slug ? html`in <b dir="auto">${rows.find((/** @type {any} */ row) => row.item.slug === slug)?.item.name}</b>` : "at the top"}
    ${" "}<span class="dim">${number(tree.branch(slug).items.length)} of ${number(tree.branch(slug).total)}</span></button>`);
}
