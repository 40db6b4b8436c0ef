/** All that is stored about a client, as a file; and its removal for good, with what stays and why. */
import { useState } from "preact/hooks";
import { ask } from "../api.js";
import { edits, forget } from "../edits/undo.js";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { Dialog } from "../parts/dialog.js";
import { Panel } from "../parts/panel.js";
import { go } from "../router.js";
import { say } from "../said.js";
import { collect } from "./collect.js";

/** @type {{what: string, why: string}[]} */
const GOES = [
  { what: "The client", why: "name, email, phone, birthday, addresses and all other fields, in the list and in the trash." },
  { what: "The values in its history", why: "what each field was before and after. Undo is not possible any more." },
  { what: "Cached responses", why: "those that show the client are invalidated with the removal." },
];
/** @type {{what: string, why: string}[]} */
const STAYS = [
  { what: "The orders", why: "amounts, products and the number of the client: a shop must keep its books. An order has no name and no address." },
  { what: "Notes of the orders", why: "they are texts of the orders. Read them in what is stored, and change those that name the person." },
  { what: "Who changed it, when, and which fields", why: "the history proves what was done. It has no values." },
  { what: "Backups and exports", why: "copies that you made. They go when you delete them." },
  { what: "For a while, MongoDB's own logs of changes", why: "values before a change for an hour, and its oplog until it is full." },
];

/** @param {{client: any}} props */
export function Removal({ client }) {
  const [asked, setAsked] = useState(false);
  const [data, setData] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState("");
  const show = async () => {
    setBusy("Reading all that is stored.");
    const result = await collect(client.id);
    setBusy("");
    if (result.error) say(result.error);
    else setData(result.data);
  };
  const rows = (/** @type {{what: string, why: string}[]} */ all) => html`<ul class="plain">${all.map(({ what, why }) => html`<li key=${what}><b>${what}</b>: ${why}</li>`)}</ul>`;
  return html`<${Panel} title="Privacy" note="what is stored about this person, and its removal">
    <div class="tools">
      <button type="button" onClick=${show}>Show all that is stored</button>
      ${data && html`<button type="button" onClick=${() => download(data, client.id)}>Download as a file</button>`}
      <${Action} scope="admin" kind="danger" onClick=${() => setAsked(true)}>Remove for good …<//>
      <span role="status" class="dim">${busy}</span>
    </div>
    ${data && html`<pre tabindex="0" role="region" aria-label="All that is stored" dir="auto">${JSON.stringify(data, null, 2)}</pre>`}
    <div class="halves"><section><h3>A removal for good takes away</h3>${rows(GOES)}</section>
      <section><h3>What stays, and why</h3>${rows(STAYS)}</section></div>
    ${asked && html`<${Sure} client=${client} onClose=${() => setAsked(false)} />`}
  <//>`;
}

/** Asks for the name, since a removal has no undo. */
function Sure({ client, onClose }) {
  const [name, setName] = useState("");
  const [error, setError] = useState("");
  const isSame = name.trim() === client.name.trim();
  const remove = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!isSame) return;
    const path = `/clients/${client.id}`;
    const reply = await ask(`/api/clients${path}?purge=true`, { method: "DELETE", headers: { "If-Match": "*" } });
    if (!reply.ok) return setError(reply.error);
    // The edits of this tab hold values of the client, too.
    for (const each of edits.get()) if (each.steps?.some((step) => step.service === "clients" && `${step.path}/`.startsWith(`${path}/`))) forget(each);
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(`vitrine.draft client ${client.id} `)) sessionStorage.removeItem(key);
    onClose();
    say(`Client ${client.id} was removed for good.`);
    go("/clients");
  };
  return html`<${Dialog} title=${`Remove client ${client.id} for good`} onClose=${onClose}><form class="form" onSubmit=${remove}>
    <p class="whole"><b dir="auto">${client.name}</b> is removed with all data and the values in the history. This cannot be undone. Orders stay, without a name.</p>
    <label class="field whole">Type the name to confirm
      <input dir="auto" autocomplete="off" value=${name} onInput=${(/** @type {any} */ event) => setName(event.target.value)} /></label>
    ${error && html`<p class="bad whole" role="alert">${error}</p>`}
    <div class="tools whole"><button type="button" onClick=${onClose}>Cancel</button>
      <button class="main" disabled=${!isSame}>Remove for good</button></div>
  </form><//>`;
}

/** @param {any} data @param {number | string} id */
function download(data, id) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `client-${id}.json`;
  link.click();
  URL.revokeObjectURL(url);
}
