/** What a change did, field by field, from the history of the item. */
import { useEffect, useState } from "preact/hooks";
import { clock, shown } from "../format.js";
import { html } from "../html.js";
import { useAsk } from "../use_ask.js";

const WAIT = 1; // seconds until the follower has noted a new change
const TRIES = 10;

/** @param {{change: any}} props */
export function Difference({ change }) {
  const path = `/api/${change.service}/${change.service}/${encodeURIComponent(change.id)}/history?per=20`;
  const [every, setEvery] = useState(WAIT);
  const [tries, setTries] = useState(0);
  const { value, error } = useAsk(path, { every });
  const entry = value && entryOf(value.items, change);
  useEffect(() => void (value && setTries((last) => last + 1)), [value]);
  const isOver = Boolean(entry) || tries >= TRIES;
  useEffect(() => setEvery(isOver ? 0 : WAIT), [isOver]);
  if (error) return html`<p class="dim">${error}</p>`;
  if (!value) return html`<p class="dim">Reading the history.</p>`;
  if (!entry && isOver) return html`<p class="dim">The last 20 entries of the history do not have this change. It may be older, or the follower is behind.</p>`;
  if (!entry) return html`<p class="dim">The history does not have this change yet; it follows within a second.</p>`;
  const fields = Object.entries(entry.changes ?? {});
  return html`<div class="body">
    <p class="dim">Revision ${shown(entry.revision?.from)} to ${shown(entry.revision?.to)}, ${clock(entry.at)}, ${entry.request_id ? html`by <b dir="auto">${entry.by}</b>` : entry.by}.
      ${entry.request_id && html`${" "}<a href=${`/trace/${entry.request_id}`}>Trace the request</a>`}</p>
    ${fields.length ? html`<dl class="diff">${fields.map(([name, { from, to }]) => html`<dt><code>${name}</code></dt>
      <dd class="before" dir="auto"><span class="hidden">before: </span>${shown(from)}</dd><dd class="after" dir="auto"><span class="hidden">after: </span>${shown(to)}</dd>`)}</dl>`
      : html`<p>No field has another value than before.</p>`}
  </div>`;
}

/**
 * Return the entry of a change: that of its time, else of its request, which may have several.
 * @param {any[]} entries @param {any} change
 */
function entryOf(entries, change) {
  const same = entries.filter(({ type }) => type === change.type);
  return same.find(({ at }) => at === change.at) ?? same.find(({ request_id: id }) => id && id === change.request_id);
}
