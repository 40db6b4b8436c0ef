/** One order: what it allows, its lines and totals, its client, its stock, its history, its returns. */
import { moment, price } from "../amounts.js";
import { useState } from "preact/hooks";
import { edit } from "../edits/edit.js";
import { html } from "../html.js";
import { InlineEdit } from "../lists/inline_edit.js";
import { useItem } from "../lists/items.js";
import { useChanges } from "../lists/use_changes.js";
import { Heading, useTitle } from "../parts/heading.js";
import { Notice } from "../parts/notice.js";
import { Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { sentence } from "../parts/sentence.js";
import { useAsk } from "../use_ask.js";
import { act } from "./act.js";
import { Sure } from "./bulk.js";
import { ItemHistory } from "../lists/history.js";
import { Lines, Totals } from "./lines.js";
import { OrderAction } from "./order_action.js";
import { Returns } from "./returns.js";
import { ACTIONS, MEANINGS, reasonAgainst, TONES } from "./states.js";
import { StockEffects } from "./stock_effects.js";

/** @param {{id: string}} props */
export function Order({ id }) {
  const { value: order, error, reply, reload } = useAsk(`/api/orders/orders/${encodeURIComponent(id)}`);
  useChanges("orders", reload, (change) => String(change.id) === id);
  useTitle(`Order ${id}`);
  const back = html`<a href="/orders">All orders</a>`;
  if (!order) {
    return html`<${Heading} title=${`Order ${id}`} text=${back} />
      ${error ? html`<${Notice} kind="bad" label="Not available.">${sentence(error)}<//>` : html`<p class="empty">Reading the order.</p>`}`;
  }
  return html`
    <${Heading} title=${`Order ${order.id}`} text=${html`<${Pill} kind=${/** @type {any} */ (TONES)[order.status] ?? "none"}>${order.status}<//>
      ${" "}${MEANINGS[order.status] ?? ""} · ${back}`} />
    ${error && html`<${Notice} kind="bad" label="Not read again.">${sentence(error)}<//>`}
    ${order.reason && html`<${Notice} kind="bad" label="Rejected:" live=${false}><span dir="auto">${order.reason}</span><//>`}
    <${Panel} title="What is next"><${Actions} order=${order} onDone=${reload} /><//>
    <${Panel} title="Lines" note=${price(order.total, order.currency)} fill reply=${reply}>
      <${Lines} order=${order} /><${Totals} order=${order} />
    <//>
    <${Panel} title="About"><${Facts} order=${order} etag=${reply?.etag ?? ""} onSaved=${reload} /><//>
    <${StockEffects} order=${order} />
    ${order.client_id != null && html`<${Returns} order=${order} />`}
    <${ItemHistory} service="orders" id=${order.id} revision=${order.revision} />`;
}

/** The four actions; those that are not allowed say why. */
function Actions({ order, onDone }) {
  const [asked, setAsked] = useState(/** @type {any} */ (null));
  const run = async (/** @type {any} */ action) => {
    setAsked(null);
    await act(order, action);
    onDone();
  };
  const names = /** @type {import("./states.js").Action[]} */ (Object.keys(ACTIONS));
  return html`<ul class="actions">${names.map((action) => {
    const reason = reasonAgainst(order.status, action);
    return html`<li key=${action}><${OrderAction} order=${order} action=${action} kind=${action === "cancel" ? "danger" : reason ? "" : "main"}
        onAct=${() => (action === "cancel" ? setAsked(action) : run(action))} />
      <span class="dim small">${reason || ACTIONS[action].ends}</span></li>`;
  })}</ul>
  ${asked && html`<${Sure} action=${asked} orders=${[order]} onYes=${() => run(asked)} onNo=${() => setAsked(null)} />`}`;
}

/** Client, dates, names, and the note, which may be changed. */
function Facts({ order, etag, onSaved }) {
  const saveNote = async (/** @type {string} */ text, /** @type {string} */ seen) => {
    const after = { note: text.trim() || null };
    const reply = await edit({ service: "orders", path: `/orders/${order.id}`, before: { note: seen || null }, after, label: `note of order ${order.id}`, etag: (order.note ?? "") === seen ? etag : undefined });
    if (reply.ok) onSaved();
    return reply.error;
  };
  return html`<dl class="facts">
    <dt>Client</dt><dd>${order.client_id == null ? "none" : html`<${ClientLink} id=${order.client_id} />`}</dd>
    <dt>Placed</dt><dd>${moment(order.placed_at)}</dd>
    ${order.external_ref && html`<dt>Reference</dt><dd dir="auto">${order.external_ref}</dd>`}
    ${order.uuid && html`<dt>UUID</dt><dd><code>${order.uuid}</code></dd>`}
    <dt>Note</dt><dd><${InlineEdit} name="Note" value=${order.note ?? ""} draft=${`order ${order.id} note`} scope="orders:write" lines
      hint="Ctrl+Enter saves." onSave=${saveNote} /></dd>
  </dl>`;
}

/** @param {{id: number | string}} props */
function ClientLink({ id }) {
  const client = useItem("clients", id);
  return html`<a href=${`/clients/${id}`} dir="auto">${client?.name ?? `client ${id}`}</a>
    ${client === null && html`${" "}<span class="dim">(removed, or not to be seen with this token)</span>`}
    ${client?.email && html`${" "}<span class="dim" dir="auto">${client.email}</span>`}`;
}
