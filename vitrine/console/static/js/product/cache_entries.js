/** What the cache holds of a product: valid or not, and which write made it so. */
import { useEffect } from "preact/hooks";
import { moment } from "../amounts.js";
import { bytes, number } from "../format.js";
import { html } from "../html.js";
import { Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { Table } from "../parts/table.js";
import { missing, session } from "../session.js";
import { useAsk } from "../use_ask.js";
import { useValue } from "../value.js";

const CACHE = "/api/products/__cache";
const MOST = 50;

/** @param {{product: any, round: number}} props  `round` counts the changes of the product */
export function CacheEntries({ product, round }) {
  useValue(session);
  const reason = missing("admin");
  const names = [`product:${product.id}`, ...(product.slug ? [`product:${product.slug}`] : [])];
  const [byId, bySlug] = [names[0], names[1] ?? ""].map((key) => useAsk(reason || !key ? "" : `${CACHE}?${new URLSearchParams({ key })}`));
  // Those with a selection of fields have further parts after the name.
  const parts = useAsk(reason ? "" : `${CACHE}?${new URLSearchParams({ prefix: `${names[0]}:`, count: String(MOST) })}`);
  useEffect(() => {
    if (round > 1) for (const { reload } of [byId, bySlug, parts]) reload();
  }, [round]);
  const rows = [byId, bySlug].map(({ value }) => value).filter(Boolean);
  const others = (parts.value?.entries ?? []).map((/** @type {any} */ entry) => ({ ...entry, because: null }));
  const columns = [
    { name: "Key", kind: "wide", cell: (/** @type {any} */ row) => html`<code dir="auto">${row.key}</code>` },
    { name: "State", kind: "tight", cell: (/** @type {any} */ row) => html`<${Pill} kind=${row.counts ? "hit" : row.ttl == null ? "none" : "stale"}>${row.counts ? "valid" : row.ttl == null ? "not stored" : "not valid"}<//>` },
    { name: "Because", kind: "wide", cell: Because },
    { name: "Expires in", kind: "number", label: true, cell: (/** @type {any} */ row) => (row.ttl == null ? "–" : `${number(row.ttl)} s`) },
    { name: "Size", kind: "number", label: true, cell: (/** @type {any} */ row) => bytes(row.bytes) },
  ];
  const tools = html`<div class="tools"><button type="button" disabled=${Boolean(reason)} title=${reason || undefined} onClick=${() => [byId, bySlug, parts].forEach(({ reload }) => reload())}>Look again</button><a class="small" href="/cache">All keys</a></div>`;
  return html`<${Panel} title="Cache" fill tools=${tools} reply=${byId.reply} error=${byId.error || parts.error}>
    ${reason ? html`<p class="empty">${reason}</p>` : html`<${Table} caption="Entries of the cache" columns=${columns} rows=${[...rows, ...others]} rowKey=${(/** @type {any} */ row) => row.key} empty="Reading the entries." />`}
  <//>`;
}

/** @param {any} row */
function Because({ because, counts }) {
  if (counts || !because) return "";
  return html`<span class="dim" dir="auto">${because.text}${because.at ? `, ${moment(because.at)}` : ""}</span>${because.request_id && html` <a href=${`/trace/${because.request_id}`}>trace</a>`}`;
}
