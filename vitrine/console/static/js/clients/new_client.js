/** The dialog for a new client; what was typed survives a refusal and a reload. */
import { useState } from "preact/hooks";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { Dialog } from "../parts/dialog.js";
import { go } from "../router.js";
import { create, FIELDS } from "./save.js";

const KEY = "vitrine.draft new client";
const ASKED = ["name", "email", "phone", "city"];

export function NewClient() {
  const [values, setValues] = useState(/** @type {Record<string, string> | null} */ (kept()));
  const [reply, setReply] = useState(/** @type {any} */ (null));
  const keep = (/** @type {Record<string, string> | null} */ next) => {
    if (next) sessionStorage.setItem(KEY, JSON.stringify(next));
    else sessionStorage.removeItem(KEY);
    setValues(next);
  };
  const close = () => {
    setReply(null);
    keep(null);
  };
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const sent = Object.fromEntries(Object.entries(values ?? {}).filter(([, value]) => value.trim()));
    const answer = await create(sent);
    if (!answer.ok) return setReply(answer);
    close();
    return go(`/clients/${answer.value.id}`);
  };
  return html`<${Action} scope="clients:write" kind="main" onClick=${() => keep({})}>New client<//>
    ${values && html`<${Dialog} title="New client" onClose=${close}><form class="form" onSubmit=${send}>
      ${ASKED.map((field) => html`<label class="field" key=${field}>${FIELDS[field].name}
        <input type=${FIELDS[field].type ?? "text"} dir="auto" value=${values[field] ?? ""} required=${field === "name"} aria-invalid=${Boolean(errorOf(reply, field))}
          onInput=${(/** @type {any} */ event) => keep({ ...values, [field]: event.target.value })} />
        ${errorOf(reply, field) && html`<span class="bad" role="alert">${errorOf(reply, field)}</span>`}</label>`)}
      ${reply && !ASKED.some((field) => errorOf(reply, field)) && html`<p class="bad whole" role="alert">${reply.error}</p>`}
      <div class="tools whole"><button type="button" onClick=${close}>Cancel</button><button class="main">Create</button></div>
    </form><//>`}`;
}

/** The sentence of a refusal about a field. @param {any} reply @param {string} field */
const errorOf = (reply, field) => reply?.value?.errors?.find((/** @type {any} */ { pointer }) => pointer === `/${field}`)?.message ?? "";

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  } catch {
    return null;
  }
}
