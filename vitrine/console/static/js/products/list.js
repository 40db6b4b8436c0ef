/** The list of products: search, facets, the grid, and what can be done with its rows. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { forEachOf } from "../edits/patient.js";
import { counted, number } from "../format.js";
import { html } from "../html.js";
import { Heading } from "../parts/heading.js";
import { Lazy } from "../parts/lazy.js";
import { Panel } from "../parts/panel.js";
import { PhotoButton, PhotoDrop } from "../photos/photo_drop.js";
import { say } from "../said.js";
import { useEvents } from "../stream.js";
import { useAsk } from "../use_ask.js";
import { useValue } from "../value.js";
import { prepareRules } from "./attribute_rules.js";
import { ColumnMenu } from "./columns/menu.js";
import { chosen, columnsOf } from "./columns/columns.js";
import { fieldsOf } from "./columns/fields.js";
import { Filters } from "./filters.js";
import { Grid } from "./grid.js";
import { MoreProducts } from "./more_rows.js";
import { filtersOf, pagePath, wholePath } from "./paths.js";
import { show, showMeanwhile, useList } from "./query.js";
import { SearchBox } from "./search_box.js";
import { SelectionBar } from "./selection_bar.js";
import { useCounts } from "./use_counts.js";
import { useRows, variantsOf } from "./use_rows.js";

const loadFacets = () => import("./facets.js");
const WIDE = 1180; // pixels from which the facets are open

export function ProductList() {
  const list = useList();
  const ids = useValue(chosen);
  const isTrash = list.has("deleted");
  const columns = useMemo(() => columnsOf(ids, isTrash), [ids.join(), isTrash]);
  const fields = fieldsOf(columns.map(({ id }) => id), isTrash);
  const rows = useRows(pagePath(list, fields));
  const [selected, setSelected] = useState(/** @type {Map<number, any>} */ (new Map()));
  const [open, setOpen] = useState(/** @type {Map<number, any[]>} */ (new Map()));
  const [hasFacets, setFacets] = useState(innerWidth >= WIDE);
  const rules = useAsk(list.get("category") ? `/api/categories/categories/${encodeURIComponent(list.get("category") ?? "")}?fields=all_attributes` : "");
  const attributes = Object.keys(rules.value?.all_attributes ?? {});
  const counts = useCounts(list, attributes, rows.isCurrent); // The rows come first.
  const { total, totalIs } = counts;
  const brands = useMemo(() => (counts.facets?.brand?.values ?? []).map((/** @type {any} */ { value }) => String(value)), [counts.facets]);
  const address = list.toString();
  useEffect(() => {
    setSelected(new Map());
    setOpen(new Map());
  }, [address]);
  useEvents("change", (events) => {
    const fresh = new Map(events.filter(({ service, item }) => service === "products" && item).map(({ id, item }) => [id, item]));
    if (open.size) setOpen((last) => new Map([...last].map(([id, variants]) => [id, variants.map((each) => ({ ...each, ...fresh.get(each.id) }))])));
  });
  const lines = useMemo(() => linesOf(rows.items, open), [rows.items, open]);
  useEffect(() => void (columns.some(({ attribute }) => attribute !== undefined) && prepareRules(lines.map(({ item }) => item))), [lines, columns]);
  const put = (/** @type {any} */ item) => {
    rows.update(item);
    setOpen((last) => new Map([...last].map(([id, variants]) => [id, variants.map((each) => (each.id === item.id ? { ...each, ...item } : each))])));
    setSelected((last) => (last.has(item.id) ? new Map(last).set(item.id, { ...last.get(item.id), ...item }) : last));
  };
  const unfold = async (/** @type {any} */ item) => {
    const { items, error } = await variantsOf(item.id, fields, filtersOf(list));
    if (error) say(error);
    else setOpen((last) => new Map(last).set(item.id, items));
    return error ? [] : items;
  };
  const fold = (/** @type {any} */ item) => {
    if (open.has(item.id)) setOpen((last) => new Map([...last].filter(([id]) => id !== item.id)));
    else unfold(item);
  };
  const select = async (/** @type {import("./grid.js").Line[]} */ some, /** @type {boolean} */ isOn) => {
    // A group stands for all of its variants.
    const read = new Map(open);
    await forEachOf(some.filter(({ item, kind }) => kind === "group" && !read.has(item.id)), async ({ item }) => {
      read.set(item.id, await unfold(item));
      return "";
    });
    const items = some.flatMap(({ item, kind }) => (kind === "group" ? (read.get(item.id) ?? []) : [item]));
    setSelected((last) => {
      const next = new Map(last);
      for (const item of items) isOn ? next.set(item.id, item) : next.delete(item.id);
      return next;
    });
  };
  const shown = new Map(selected.size ? rows.items.map((item) => [item.id, item]) : []);
  const current = new Map([...selected].map(([id, item]) => [id, shown.get(id) ?? item]));
  const written = () => {
    rows.reload();
    counts.reload();
  };
  const to = (/** @type {Record<string, string>} */ changes) => show(list, changes);
  const toggle = (/** @type {string} */ name, /** @type {string} */ value) => to({ [name]: list.has(name) ? "" : value });
  const count = total === null ? "" : `${totalIs === "at_least" ? "at least " : ""}${list.has("collapse") ? counted(total, "entry", "entries") : counted(total, "product")}`;
  return html`<${PhotoDrop}>
    <${Heading} title=${isTrash ? "Trash" : "Products"} text=${isTrash ? "Deleted products, the latest first. They are kept for some time, and can be restored." : count || "Counting."}>
      <${SearchBox} q=${list.get("q") ?? ""} onSearch=${(/** @type {string} */ q) => showMeanwhile(list, { q })} onCategory=${(/** @type {string} */ category) => to({ category, q: "" })} />
      ${!isTrash && html`<button type="button" aria-pressed=${hasFacets} onClick=${() => setFacets(!hasFacets)}>Facets</button>
        <button type="button" aria-pressed=${list.has("collapse")} onClick=${() => toggle("collapse", "group")}>Fold variants</button>`}
      <${ColumnMenu} attributes=${attributes} />
      <button type="button" aria-pressed=${isTrash} onClick=${() => (isTrash ? to({ deleted: "" }) : to({ deleted: "only", collapse: "", ordering: "" }))}>Trash</button>
      <${PhotoButton} />
      <a class="button main" href="/products/new">New product</a>
    <//>
    <${Filters} list=${list} onShow=${to} />
    <div class=${hasFacets && !isTrash ? "products with-facets" : "products"}>
      ${hasFacets && !isTrash && html`<aside aria-label="Facets"><h2 class="hidden">Facets</h2>${(rows.isCurrent || rows.error || counts.facets) && html`<${Lazy} load=${loadFacets} part="Facets" props=${{ facets: counts.facets, isBusy: !counts.isCurrent, error: counts.error, list, onShow: to }} />`}</aside>`}
      <${Panel} title=${isTrash ? "Deleted products" : "List"} note=${remark(rows.value)} fill reply=${rows.reply} error=${rows.error}>
        ${rows.created > 0 && html`<p class="newcomers" role="status">${counted(rows.created, "product")} created meanwhile. <button type="button" class="link" onClick=${written}>Show the list anew</button></p>`}
        <${SelectionBar} key=${address} isEmpty=${!lines.length} selected=${current} total=${total} isAtLeast=${totalIs === "at_least"} path=${(/** @type {string[]} */ names) => wholePath(list, names)} brands=${brands} isTrash=${isTrash}
          onClear=${() => setSelected(new Map())} onWritten=${written} onRestored=${(/** @type {number[]} */ done) => {
            rows.remove(done);
            setSelected((last) => new Map([...last].filter(([id]) => !done.includes(id))));
          }} />
        ${lines.length > 0 && html`<${Grid} columns=${columns} lines=${lines} selected=${selected} lit=${rows.lit} open=${open} brands=${brands} ordering=${list.get("ordering") ?? ""} isTrash=${isTrash}
          isBusy=${!rows.isCurrent} onSort=${(/** @type {string} */ ordering) => to({ ordering })} onSelect=${select} onFold=${fold} onSaved=${put} />`}
        ${!lines.length && !rows.error && html`<p class="empty" role="status">${rows.isCurrent ? nothing(list) : "Reading the products."}</p>`}
        <${MoreProducts} rows=${rows} />
      <//>
    </div>
  <//>`;
}

/** The rows of the grid: entries, and below those that are unfolded their variants. */
function linesOf(/** @type {any[]} */ items, /** @type {Map<number, any[]>} */ open) {
  return items.flatMap((item) => {
    const kind = item.variants?.count > 1 ? "group" : "item";
    const below = kind === "group" ? (open.get(item.id) ?? []) : [];
    return [{ key: String(item.id), item, kind }, ...below.map((each) => ({ key: `${item.id} ${each.id}`, item: each, kind: "variant" }))];
  });
}

/** What the search did with the words. @param {any} value */
function remark(value) {
  const corrected = Object.entries(value?.corrected ?? {}).map(([typed, word]) => `${typed} is read as ${word}`);
  if (value?.matched === "most" && value.items.length) corrected.push("products that have most of the words follow those that have all");
  return corrected.join(", ");
}

/** @param {URLSearchParams} list */
function nothing(list) {
  if (list.has("deleted")) return "The trash is empty.";
  return list.size ? "No product matches. Take a filter off, or search for another word." : html`There is no product yet. <a href="/products/new">Make one</a>, or <a href="/import">import a file</a>.`;
}
