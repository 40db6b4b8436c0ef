/** The dialog for a new client; what was typed survives a refusal and a reload. */
import { useState } from "preact/hooks";
import { isUnanswered } from "../api.js";
import { draftOf, keepDraft } from "../edits/drafts.js";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { Dialog } from "../parts/dialog.js";
import { randomName } from "../random.js";
import { go } from "../router.js";
import { create, FIELDS } from "./save.js";

const KEY = "vitrine.draft new client";
const ASKED = ["name", "email", "phone", "city"];

/** @typedef {{values: Record<string, string>, key: string}} Draft  the key makes a request that is sent twice count once */

/** @returns {Draft} */
const empty = () => ({ values: {}, key: randomName() });

export function NewClient() {
  const [draft, setDraft] = useState(() => /** @type {Draft | null} */ (draftOf(KEY)));
  const [reply, setReply] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const keep = (/** @type {Draft | null} */ next) => {
    keepDraft(KEY, next);
    setDraft(next);
  };
  const close = () => {
    setReply(null);
    keep(null);
  };
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy || !draft) return undefined;
    setBusy(true);
    const sent = Object.fromEntries(Object.entries(draft.values).filter(([, value]) => value.trim()));
    const answer = await create(sent, draft.key);
    setBusy(false);
    if (!answer.ok) {
      if (!isUnanswered(answer)) keep({ ...draft, key: randomName() });
      return setReply(answer);
    }
    close();
    return go(`/clients/${answer.value.id}`);
  };
  return html`<${Action} scope="clients:write" kind="main" onClick=${() => keep(empty())}>New client<//>
    ${draft && html`<${Dialog} title="New client" onClose=${close}><form class="form" onSubmit=${send}>
      ${ASKED.map((field) => html`<label class="field" key=${field}>${FIELDS[field].name}
        <input type=${FIELDS[field].type ?? "text"} dir="auto" value=${draft.values[field] ?? ""} required=${field === "name"} readOnly=${busy} aria-invalid=${Boolean(errorOf(reply, field))}
          onInput=${(/** @type {any} */ event) => keep({ ...draft, values: { ...draft.values, [field]: event.target.value } })} />
        ${errorOf(reply, field) && html`<span class="bad" role="alert">${errorOf(reply, field)}</span>`}</label>`)}
      ${reply && !ASKED.some((field) => errorOf(reply, field)) && html`<p class="bad whole" role="alert">${reply.error}</p>`}
      <div class="tools whole"><button type="button" onClick=${close}>Cancel</button><button class="main" disabled=${busy}>Create</button></div>
    </form><//>`}`;
}

/** The sentence of a refusal about a field. @param {any} reply @param {string} field */
const errorOf = (reply, field) => reply?.value?.errors?.find((/** @type {any} */ { pointer }) => pointer === `/${field}`)?.message ?? "";
