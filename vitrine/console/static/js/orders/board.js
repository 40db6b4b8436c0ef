/** The board: a column for each state, kept right while orders are placed and moved elsewhere. */
import { useRef, useState } from "preact/hooks";
import { html } from "../html.js";
import { query } from "../router.js";
import { useEvents } from "../stream.js";
import { useValue } from "../value.js";
import { act } from "./act.js";
import { Bulk, Sure } from "./bulk.js";
import { Column } from "./column.js";
import { Filters } from "./filters.js";
import { pathOf, viewOf } from "./query.js";
import { reasonAgainst } from "./states.js";

const LIT = 4000; // milliseconds that a changed order is marked

export function Board() {
  const view = viewOf(useValue(query));
  const [selected, setSelected] = useState(/** @type {Map<number, any>} */ (new Map()));
  const [round, setRound] = useState(0);
  const [asked, setAsked] = useState(/** @type {any} */ (null));
  const [lit, news] = useNews(setSelected);
  const reload = () => setRound((last) => last + 1);
  const select = (/** @type {any[]} */ orders, /** @type {boolean} */ isOn) =>
    setSelected((last) => {
      const next = new Map(last);
      for (const order of orders) isOn ? next.set(order.id, order) : next.delete(order.id);
      return next;
    });
  const run = async (/** @type {any} */ order, /** @type {any} */ action) => {
    const reply = await act(order, action);
    if (reply.ok) select([order], false);
    reload();
    return reply.ok;
  };
  // What is easily done by mistake, or ends an order, is asked before.
  const begin = async (/** @type {any} */ order, /** @type {any} */ action, /** @type {boolean} */ byKey) => {
    if (reasonAgainst(order.status, action)) return false;
    if (!byKey && action !== "cancel") return run(order, action);
    return new Promise((resolve) => setAsked({ order, action, done: resolve }));
  };
  const answer = async (/** @type {boolean} */ isSure) => {
    const { order, action, done } = asked;
    setAsked(null);
    done(isSure && (await run(order, action)));
  };
  return html`
    <${Filters} view=${view} />
    <p class="hidden" role="status">${news}</p>
    <${Bulk} orders=${[...selected.values()]} onClear=${() => setSelected(new Map())} onDone=${() => (setSelected(new Map()), reload())} />
    <div class="board">${view.states.map((state) => html`<${Column} key=${state} state=${state} path=${pathOf(state, view)} round=${round}
      selected=${selected} lit=${lit} onSelect=${select} onAct=${begin} />`)}</div>
    <p class="dim small">Keys on an order: arrows move, <kbd>Enter</kbd> opens, <kbd>Space</kbd> selects, <kbd>n</kbd> is the next step, <kbd>x</kbd> cancels.</p>
    ${asked && html`<${Sure} action=${asked.action} orders=${[asked.order]} onYes=${() => answer(true)} onNo=${() => answer(false)} />`}`;
}

/** The orders that have just changed, and a sentence about the last one; those that are selected stay right. */
function useNews(/** @type {(change: (last: Map<number, any>) => Map<number, any>) => void} */ setSelected) {
  const [lit, setLit] = useState(/** @type {Set<number>} */ (new Set()));
  const [news, setNews] = useState("");
  const timer = useRef(0);
  useEvents("change", (events) => {
    const own = events.filter(({ service }) => service === "orders");
    const last = own.at(-1);
    if (!last) return;
    setLit(new Set(own.map(({ id }) => id)));
    setNews(last.item ? `Order ${last.id} is ${last.item.status}.` : `Order ${last.id} is gone.`);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setLit(new Set()), LIT);
    setSelected((selected) => {
      if (!own.some(({ id }) => selected.has(id))) return selected;
      const next = new Map(selected);
      for (const { id, item, type } of own) if (next.has(id)) item && type !== "deleted" ? next.set(id, item) : next.delete(id);
      return next;
    });
  });
  return /** @type {const} */ ([lit, news]);
}
