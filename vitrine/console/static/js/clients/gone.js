/** A client that is not in the list: in the trash, or removed; what is left is shown. */
import { html } from "../html.js";
import { History } from "../lists/history.js";
import { Action } from "../parts/action.js";
import { Heading } from "../parts/heading.js";
import { Notice } from "../parts/notice.js";
import { useAsk } from "../use_ask.js";
import { Orders } from "./orders.js";
import { Removal } from "./removal.js";
import { restore } from "./save.js";

/** @param {{id: string, back: any, onRestored: () => void}} props */
export function Gone({ id, back, onRestored }) {
  const query = new URLSearchParams({ deleted: "only", per: "100" });
  const { value, error, reload } = useAsk(`/api/clients/clients?${query}`);
  const client = value?.items.find((/** @type {any} */ each) => String(each.id) === id);
  return html`<${Heading} title=${client ? html`<span dir="auto">${client.name}</span>` : `Client ${id}`} text=${html`Client ${id} · ${back}`} />
    ${error && html`<${Notice} kind="warn" label="The trash is not shown.">${error}<//>`}
    ${client && html`<${Notice} kind="warn" label="In the trash." action=${html`<${Action} scope="clients:write"
      onClick=${async () => ((await restore(client)) ? onRestored() : reload())}>Restore<//>`}>It is not in lists, and its orders keep its number.<//>`}
    ${value && !client && html`<${Notice} kind="warn" label="Not there.">No client has the number ${id}: there never was one, or it was removed for good. What is left of it is below.<//>`}
    <${Orders} id=${id} />
    <${History} service="clients" id=${id} revision=${0} />
    ${client && html`<${Removal} client=${client} />`}`;
}
