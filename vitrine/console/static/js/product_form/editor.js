/** The form of a product, with the bar that saves it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";
import { letterOf } from "../keys.js";
import { Notice } from "../parts/notice.js";
import { Panel } from "../parts/panel.js";
import { sentence } from "../parts/sentence.js";
import { same } from "../edits/same.js";
import { missing, session } from "../session.js";
import { useValue } from "../value.js";
import { Attributes } from "./attributes.js";
import { changesOf, shownInput } from "./changes.js";
import { Field } from "./field.js";
import { GROUPS, labelOf } from "./fields.js";
import { Options } from "./options.js";
import { Remedy } from "./remedy.js";
import { SaveBar } from "./save_bar.js";
import { byPointer, said, useValidation } from "./validation.js";

/**
 * @param {{product: any, reply: any, drafting: ReturnType<typeof import("./draft.js").useDraft>, save: (after: Record<string, unknown>) => Promise<import("../api.js").Reply>}} props
 *   `product` is null for a new one
 */
export function Editor({ product, reply, drafting, save }) {
  useValue(session);
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const { draft, type } = drafting;
  const { inputs } = draft;
  const [refusal, setRefusal] = useState(/** @type {import("../api.js").Reply | null} */ (null));
  const [isSaving, setIsSaving] = useState(false);
  const reason = missing("products:write");
  const { after, errors: own, changed } = changesOf(product, inputs);
  const findings = useValidation(after, product);
  const refused = byPointer(refusal?.value?.errors ?? []);
  const errors = { ...refused, ...findings.errors, ...own };
  const put = (/** @type {string} */ name) => (/** @type {any} */ input) => {
    setRefusal(null);
    type(name, input, product?.[name]);
  };
  const send = async (/** @type {Event | undefined} */ event) => {
    event?.preventDefault();
    if (isSaving || reason || !changed.size) return;
    if (Object.keys(own).length) return focusFirst(form.current);
    setIsSaving(true);
    const answer = await save(after);
    setIsSaving(false);
    setRefusal(answer.ok ? null : answer);
    if (!answer.ok) requestAnimationFrame(() => focusFirst(form.current));
  };
  useSaveKey(send);
  useEffect(() => void (!product && form.current?.querySelector("input")?.focus()), []);
  const theirs = product ? Object.keys(after).filter((name) => !same(draft.before[name], product[name])) : [];
  const places = Object.keys(errors).filter((place) => place && !isShown(place));
  const fields = (/** @type {typeof GROUPS[number]} */ group) => group.fields.filter(({ name }) => name !== "stock" || !product);
  return html`<form ref=${form} class="product-form" onSubmit=${send} novalidate aria-label="Product">
    <${Panel} title=${product ? "Product" : "New product"} note=${product ? `revision ${product.revision}` : ""} reply=${reply}>
      ${reason && html`<${Notice} kind="warn" label="To read only.">${reason}<//>`}
      ${drafting.wasKept && changed.size > 0 && html`<${Notice} label="Not saved yet." live=${false}>The values that you typed before are in the form.<//>`}
      ${theirs.length > 0 && html`<${Notice} kind="warn" label="Changed elsewhere.">${theirs.map(labelOf).join(", ")}: somebody else wrote another value since you began. Saving asks which one to keep.<//>`}
      ${findings.sameName && html`<${Notice} kind="warn" label="The same name.">A product with this name exists: <a href=${`/products/${findings.sameName}`}>product ${findings.sameName}</a>.<//>`}
      ${GROUPS.map((group) => html`<fieldset class="entries" key=${group.title}><legend>${group.title}</legend>
        ${fields(group).map((field) => html`<${Field} key=${field.name} field=${field} input=${shownInput(product, inputs, field.name)} onInput=${put(field.name)}
          error=${said(errors, `/${field.name}`)} isChanged=${changed.has(field.name)} reason=${reason}
          remedy=${refusal?.value?.field === field.name && html`<${Remedy} problem=${refusal?.value} onUse=${put(field.name)} />`} />`)}
      </fieldset>`)}
      <${Attributes} category=${categoryOf(product, inputs)} rows=${shownInput(product, inputs, "attributes")} onRows=${put("attributes")} errors=${errors} reason=${reason} isChanged=${changed.has("attributes")} />
      <${Options} group=${shownInput(product, inputs, "group")} onGroup=${put("group")} rows=${shownInput(product, inputs, "options")} onRows=${put("options")} errors=${errors} reason=${reason} changed=${changed} />
      ${(refusal || places.length > 0) && html`<${Notice} kind="bad" label="Not saved.">${sentence([refusal?.error, ...places.map((place) => `${place} ${errors[place]}`)].filter(Boolean).join(" "))}<//>`}
    <//>
    <${SaveBar} changed=${[...changed]} isNew=${!product} isSaving=${isSaving} isAsking=${findings.isAsking} faults=${Object.keys(errors).length} reason=${reason} onDiscard=${() => {
      setRefusal(null);
      drafting.clear();
    }} />
  </form>`;
}

/** The category whose rules are shown: the one that was typed last and is whole. */
function categoryOf(/** @type {any} */ product, /** @type {any} */ inputs) {
  const [category, setCategory] = useState("");
  const wanted = shownInput(product, inputs, "category").trim();
  useEffect(() => {
    const timer = setTimeout(() => setCategory(wanted), category ? 500 : 0);
    return () => clearTimeout(timer);
  }, [wanted]);
  return category;
}

/** True if an error at this place stands beside a field. @param {string} place */
const isShown = (place) => [...GROUPS.flatMap(({ fields }) => fields.map(({ name }) => name)), "group", "options", "attributes"].some((name) => place === `/${name}` || place.startsWith(`/${name}/`));

/** Go to the first field that is not valid. @param {HTMLElement | null} form */
function focusFirst(form) {
  const field = /** @type {HTMLElement | null} */ (form?.querySelector("[aria-invalid='true']") ?? null);
  field?.focus();
}

/** Save by Ctrl+S. @param {() => void} send */
function useSaveKey(send) {
  const current = useRef(send);
  current.current = send;
  useEffect(() => {
    const keyed = (/** @type {KeyboardEvent} */ event) => {
      if (letterOf(event) !== "s" || !(event.ctrlKey || event.metaKey) || event.altKey || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      current.current();
    };
    document.addEventListener("keydown", keyed);
    return () => document.removeEventListener("keydown", keyed);
  }, []);
}
