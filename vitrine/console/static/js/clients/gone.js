/** A client that is not in the list: in the trash, or removed; what is left is shown. */
import { html } from "../html.js";
import { ItemHistory } from "../lists/history.js";
import { usePages } from "../lists/use_pages.js";
import { Action } from "../parts/action.js";
import { Heading } from "../parts/heading.js";
import { Notice } from "../parts/notice.js";
import { useAsk } from "../use_ask.js";
import { Orders } from "./orders.js";
import { Removal } from "./removal.js";
import { restore } from "./save.js";

const MOST = 10; // pages of the trash in which the client is looked for

/** @param {{id: string, back: any, onRestored: () => void}} props */
export function Gone({ id, back, onRestored }) {
  const query = new URLSearchParams({ deleted: "only", per: "100" });
  const { items, error, reload } = usePages(`/api/clients/clients?${query}`, MOST);
  const history = useAsk(`/api/clients/clients/${encodeURIComponent(id)}/history?per=1`);
  const found = items?.find((/** @type {any} */ each) => String(each.id) === id);
  // Its own history knows a client that is far down in a long trash.
  const isInTrash = items && history.value?.items[0]?.type === "deleted";
  const client = found ?? (isInTrash ? { id, name: `Client ${id}` } : null);
  return html`<${Heading} title=${client ? html`<span dir="auto">${client.name}</span>` : `Client ${id}`} text=${html`Client ${id} · ${back}`} />
    ${error && html`<${Notice} kind="warn" label="The trash is not shown.">${error}<//>`}
    ${client && html`<${Notice} kind="warn" label="In the trash." action=${html`<${Action} scope="clients:write"
      onClick=${async () => ((await restore(client)) ? onRestored() : reload())}>Restore<//>`}>It is not in lists, and its orders keep its number.<//>`}
    ${items && (history.value || history.error) && !client && html`<${Notice} kind="warn" label="Not there.">No client has the number ${id}: there never was one, or it was removed for good. What is left of it is below.<//>`}
    <${Orders} id=${id} />
    <${ItemHistory} service="clients" id=${id} revision=${0} />
    ${client && html`<${Removal} client=${client} />`}`;
}
