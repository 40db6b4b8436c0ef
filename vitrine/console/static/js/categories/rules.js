/** The attribute rules of one category, with what a change would do to its products. */
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api.js";
import { draftOf, keepDraft } from "../edits/drafts.js";
import { edit } from "../edits/edit.js";
import { counted } from "../format.js";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { Notice } from "../parts/notice.js";
import { Panel } from "../parts/panel.js";
import { same } from "../edits/same.js";
import { Misfits } from "./misfits.js";
import { rowsOf, rulesOf } from "./rule_rows.js";

const WAIT = 500; // milliseconds after the last letter
const TYPES = ["string", "integer", "number", "boolean"];
const NEW = { name: "", type: "", required: false, choices: "", unit: "", min: "", max: "" };

/**
 * @typedef {object} Draft
 * @property {import("./rule_rows.js").RuleRow[]} rows  as they are being edited
 * @property {Record<string, any>} before  the rules that the reader saw when the editing began
 * @property {string} etag  of the category then
 * @property {boolean} [isSaved]  while the category is read again
 */

/** @param {{item: any, etag: string, onSaved: (leavesMisfits: boolean) => void}} props  `item` is the whole category */
export function Rules({ item, etag, onSaved }) {
  const key = `vitrine.rules.${item.id}`;
  const [draft, setDraft] = useState(() => /** @type {Draft | null} */ (draftOf(key)));
  const [found, setFound] = useState(/** @type {any} */ (null));
  const [problem, setProblem] = useState(/** @type {import("../api.js").Reply | null} */ (null));
  const [busy, setBusy] = useState(false);
  const stored = item.attributes ?? {};
  const own = draft?.before ?? stored;
  const rows = draft?.rows ?? rowsOf(stored);
  const setRows = (/** @type {Draft["rows"]} */ next) =>
    setDraft(same(next, rowsOf(own)) ? null : { rows: next, before: own, etag: draft?.etag ?? etag });
  const rules = rulesOf(rows);
  const text = JSON.stringify(rules);
  const isChanged = text !== JSON.stringify(rulesOf(rowsOf(own)));
  const path = `/categories/${encodeURIComponent(item.id)}`;
  useEffect(() => {
    keepDraft(key, isChanged ? draft : null);
    setFound(null);
    setProblem(null);
    if (!isChanged) return undefined;
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      const options = { method: "PATCH", body: { attributes: rules }, signal: stop.signal };
      const reply = await ask(`/api/categories${path}?dry_run=1`, options).catch(() => null);
      if (reply) reply.ok ? setFound(reply.value) : setProblem(reply);
    }, WAIT);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text]);
  useEffect(() => {
    if (draft?.isSaved) setDraft(null); // What was read has the rules that were saved.
  }, [item]);
  const set = (/** @type {number} */ at, /** @type {Record<string, any>} */ values) =>
    setRows(rows.map((row, index) => (index === at ? { ...row, ...values } : row)));
  const save = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    const reply = await edit({ service: "categories", path, before: { attributes: own }, after: { attributes: rules }, etag: draft?.etag ?? etag, label: `rules of ${item.name}` });
    setBusy(false);
    if (!reply.ok) return setProblem(reply);
    keepDraft(key, null);
    setDraft({ rows, before: reply.value.attributes ?? {}, etag: reply.etag, isSaved: true });
    onSaved(found?.misfits > 0);
    return undefined;
  };
  const inherited = Object.keys(item.all_attributes ?? {}).filter((name) => !own[name]);
  return html`<${Panel} title="Attribute rules" note=${counted(rows.length, "rule")}>
    <form class="rules" onSubmit=${save}>
      ${rows.map((row, at) => html`<${Rule} key=${at} row=${row} error=${errorOf(problem, row.name)} set=${(/** @type {any} */ values) => set(at, values)}
        onRemove=${() => setRows(rows.filter((_, index) => index !== at))} />`)}
      ${!rows.length && html`<p class="dim">No rule of its own: its products may have any attributes${inherited.length ? ", within the rules of the categories above it" : ""}.</p>`}
      ${inherited.length > 0 && html`<p class="dim small">From above: ${inherited.map((name) => html`<code dir="auto" key=${name}>${name}</code> `)}</p>`}
      <div role="status">${isChanged && (found ? html`<p><${Misfits} found=${found} /></p>` : !problem && html`<p class="dim">Looking at its products.</p>`)}</div>
      ${isChanged && !same(own, stored) && html`<${Notice} kind="warn" label="Changed meanwhile.">Somebody else has saved other rules. To save yours asks which ones to keep.<//>`}
      ${problem && html`<${Notice} kind="bad" label="Not saved.">${problem.error}<//>`}
      <div class="tools">
        <button type="button" onClick=${() => setRows([...rows, NEW])}>Add a rule</button>
        ${isChanged && html`<button type="button" onClick=${() => setDraft(null)}>Discard</button>`}
        <${Action} scope="categories:write" type="submit" kind="main" disabled=${!isChanged || busy}>Save the rules<//>
      </div>
    </form>
  <//>`;
}

function Rule({ row, error, set, onRemove }) {
  const name = row.name || "the new rule";
  const input = (/** @type {string} */ field, /** @type {string} */ label) => html`<label class="field">${label}
    <input value=${row[field]} autocomplete="off" spellcheck=${false} dir="auto" aria-invalid=${Boolean(error)} onInput=${(/** @type {any} */ event) => set({ [field]: event.target.value })} /></label>`;
  const isNumber = row.type === "integer" || row.type === "number";
  return html`<fieldset class="rule"><legend class="hidden">Rule of ${name}</legend>
    ${input("name", "Attribute")}
    <label class="field">Type<select value=${row.type} onChange=${(/** @type {any} */ event) => set({ type: event.target.value })}>
      <option value="">any</option>${TYPES.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}</select></label>
    ${isNumber && input("min", "At least")}${isNumber && input("max", "At most")}${isNumber && input("unit", "Unit")}
    <label class="field wide">Choices, one a line<textarea rows=${Math.min(6, row.choices.split("\n").length)} value=${row.choices} dir="auto" onInput=${(/** @type {any} */ event) => set({ choices: event.target.value })}></textarea></label>
    <label class="check"><input type="checkbox" checked=${row.required} onChange=${(/** @type {any} */ event) => set({ required: event.target.checked })} />Required</label>
    <button type="button" class="link" aria-label=${`Remove ${name}`} onClick=${onRemove}>Remove</button>
    ${error && html`<p class="bad small wide" role="alert">${error}</p>`}
  </fieldset>`;
}

/** The sentence of the service about one rule. @param {import("../api.js").Reply | null} problem @param {string} name */
function errorOf(problem, name) {
  const place = `/attributes/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  const errors = (problem?.value?.errors ?? []).filter((/** @type {any} */ each) => each.pointer === place || each.pointer?.startsWith(`${place}/`));
  return errors.map((/** @type {any} */ each) => `${each.pointer.slice(place.length + 1)} ${each.message}`.trim()).join(" ");
}
