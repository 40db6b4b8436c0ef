/** One client: the data, the addresses, the orders, the history, and the removal for good. */
import { moment } from "../amounts.js";
import { html } from "../html.js";
import { ItemHistory } from "../lists/history.js";
import { InlineEdit } from "../lists/inline_edit.js";
import { useChanges } from "../lists/use_changes.js";
import { Action } from "../parts/action.js";
import { Heading, useTitle } from "../parts/heading.js";
import { Notice } from "../parts/notice.js";
import { Panel } from "../parts/panel.js";
import { sentence } from "../parts/sentence.js";
import { go } from "../router.js";
import { useAsk } from "../use_ask.js";
import { Addresses } from "./addresses.js";
import { Gone } from "./gone.js";
import { Orders } from "./orders.js";
import { Removal } from "./removal.js";
import { FIELDS, moveToTrash, saveField } from "./save.js";

/** @param {{id: string}} props */
export function Client({ id }) {
  const { value: client, error, reply, reload } = useAsk(`/api/clients/clients/${encodeURIComponent(id)}`);
  useChanges("clients", reload, (change) => String(change.id) === id);
  useTitle(client?.name ?? "");
  const back = html`<a href="/clients">All clients</a>`;
  if (reply?.status === 404) return html`<${Gone} id=${id} back=${back} onRestored=${reload} />`;
  if (!client) {
    return html`<${Heading} title=${`Client ${id}`} text=${back} />
      ${error ? html`<${Notice} kind="bad" label="Not available.">${sentence(error)}<//>` : html`<p class="empty">Reading the client.</p>`}`;
  }
  const save = (/** @type {string} */ field) => async (/** @type {string} */ text, /** @type {string} */ seen) => {
    const result = await saveField(client, field, text.trim() || null, reply?.etag, seen || null);
    if (!result.error) reload();
    return result.error;
  };
  return html`
    <${Heading} title=${html`<span dir="auto">${client.name}</span>`} text=${html`Client ${client.id} · ${back}`}>
      <${Action} scope="clients:write" onClick=${async () => (await moveToTrash(client)) && go("/clients")}>Move to the trash<//>
    <//>
    ${error && html`<${Notice} kind="bad" label="Not read again.">${sentence(error)}<//>`}
    <${Panel} title="Data" reply=${reply}>
      <dl class="facts">${Object.entries(FIELDS).map(([field, { name, type, hint }]) => html`<dt key=${field}>${name}</dt>
        <dd><${InlineEdit} name=${name} value=${client[field] ?? ""} type=${type} hint=${hint} draft=${`client ${client.id} ${field}`}
          scope="clients:write" onSave=${save(field)} /></dd>`)}
        <dt>Since</dt><dd>${moment(client.created_at)}</dd></dl>
    <//>
    <${Addresses} client=${client} etag=${reply?.etag ?? ""} onSaved=${reload} />
    <${Orders} id=${client.id} />
    <${ItemHistory} service="clients" id=${client.id} revision=${client.revision} />
    <${Removal} client=${client} />`;
}
