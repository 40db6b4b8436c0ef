/** An edit of many products: choose the change, see what it would do, write it. Undone as one edit. */
import { useEffect, useRef, useState } from "preact/hooks";
import { price } from "../amounts.js";
import { counted, number, shown } from "../format.js";
import { html } from "../html.js";
import { Dialog } from "../parts/dialog.js";
import { sentence } from "../parts/sentence.js";
import { say } from "../said.js";
import { undo } from "../edits/undo.js";
import { BulkForm } from "./form.js";
import { gather, MOST } from "./read.js";
import { discard, tryOut, write } from "./write.js";

const EXAMPLES = 5;
const PLACES = 3; // products of one reason

/**
 * @param {{source: import("./read.js").Source, count: number | null, brands: string[], onClose: () => void, onWritten: () => void}} props
 */
export function BulkDialog({ source, count: known, brands, onClose, onWritten }) {
  const [step, setStep] = useState(/** @type {{name: "form" | "trying" | "preview" | "writing" | "over", text?: string, error?: string}} */ ({ name: "form" }));
  const [preview, setPreview] = useState(/** @type {import("./write.js").Preview | null} */ (null));
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    // What had the focus is gone with the step before.
    const isLost = !box.current?.closest("dialog")?.contains(document.activeElement);
    if (isLost) /** @type {HTMLElement | null} */ (box.current?.querySelector(".outlook, select, .main"))?.focus();
  }, [step.name]);
  const plan = useRef({ change: /** @type {any} */ (null), label: "" });
  const attempt = async (/** @type {import("./plan.js").Change | "trash"} */ change, /** @type {string} */ label) => {
    const progress = (/** @type {number} */ done) => setStep({ name: "trying", text: `${number(done)} looked at.` });
    progress(0);
    const found = await gather(source, change, progress);
    if (found.error) return setStep({ name: "form", error: found.error });
    const tried = change === "trash" ? { preview: ofAll(found.items), error: "" } : await tryOut(found.items, change, progress);
    if (!tried.preview) return setStep({ name: "form", error: tried.error });
    plan.current = { change, label };
    setPreview({ ...tried.preview, isCut: found.isCut });
    return setStep({ name: "preview" });
  };
  const run = async () => {
    if (!preview) return;
    const { change, label } = plan.current;
    const count = counted(preview.changed.length, "product");
    const name = change === "trash" ? `${count} to the trash` : `${label} of ${count}`;
    const progress = (/** @type {number} */ done) => setStep({ name: "writing", text: `${number(done)} of ${number(preview.changed.length)}.` });
    progress(0);
    const items = preview.changed.map(({ item }) => item);
    const { written, refused, error } = change === "trash" ? await discard(items, name, progress) : await write(preview, change, name, progress);
    onWritten();
    const text = change === "trash" ? `${counted(written, "product")} moved to the trash.` : `${counted(written, "product")} changed.`;
    if (!error && !refused.length) {
      onClose();
      return say(text, written ? { label: "Undo", run: undo } : undefined);
    }
    setPreview({ ...preview, changed: [], refused });
    return setStep({ name: "over", text, error });
  };
  const isBusy = step.name === "trying" || step.name === "writing";
  const all = known === null ? "products" : counted(Math.min(known, MOST), "product");
  return html`<${Dialog} title=${`Edit ${all}`} onClose=${() => !isBusy && onClose()}><div class="steps" ref=${box}>
    ${(step.name === "form" || step.name === "trying") && html`<${BulkForm} onTry=${attempt} brands=${brands} isBusy=${isBusy} onClose=${onClose} />`}
    ${isBusy && html`<p role="status">${step.name === "trying" ? "Trying it out; nothing is written." : "Writing."} ${step.text}</p><progress aria-label="Progress"></progress>`}
    ${step.error && html`<p class="bad" role="alert">${sentence(step.error)}</p>`}
    ${step.name === "preview" && preview && html`<${Outlook} preview=${preview} change=${plan.current.change} />
      <div class="tools">
        <button type="button" onClick=${() => setStep({ name: "form" })}>Back</button>
        <button type="button" class="main" disabled=${!preview.changed.length} onClick=${run}>${plan.current.change === "trash" ? "Move" : "Change"} ${counted(preview.changed.length, "product")}</button>
      </div>`}
    ${step.name === "over" && preview && html`<p role="status">${step.text}</p><${Refusals} refused=${preview.refused} />
      <div class="tools"><button type="button" class="main" onClick=${onClose}>Close</button></div>`}
  </div><//>`;
}

/** @param {any[]} items @returns {import("./write.js").Preview} */
const ofAll = (items) => ({ changed: items.map((item) => ({ item })), unchanged: 0, refused: [], isCut: false });

/** What would happen: how many, some examples, and what would be refused. */
function Outlook({ preview, change }) {
  const { changed, unchanged, refused, isCut } = preview;
  return html`<div class="outlook" role="status" tabindex="-1">
    <p><b>${counted(changed.length, "product")}</b> ${change === "trash" ? "would go to the trash" : "would change"}${unchanged ? `, ${number(unchanged)} already ${unchanged === 1 ? "is" : "are"} so` : ""}${refused.length ? "," : "."}
      ${refused.length > 0 && html` <b class="bad">${number(refused.length)} would be refused</b>.`}</p>
    ${isCut && html`<p class="warn">At most ${number(MOST)} products are changed at once. Repeat it for the others, or narrow the list.</p>`}
    ${changed.length > 0 && html`<dl class="diff">${changed.slice(0, EXAMPLES).map((/** @type {any} */ { item, after }) => html`<dt dir="auto" key=${item.id}>${item.name}</dt>
      ${after ? Object.keys(after).map((name) => html`<dd class="before" dir="auto"><span class="hidden">before: </span>${valueOf(name, name === "attributes" ? among(item.attributes, after[name]) : item[name], item)}</dd>
        <dd class="after" dir="auto"><span class="hidden">after: </span>${valueOf(name, after[name], item)}</dd>`) : html`<dd class="before"></dd><dd></dd>`}`)}</dl>`}
    ${changed.length > EXAMPLES && html`<p class="dim small">and ${number(changed.length - EXAMPLES)} more</p>`}
    <${Refusals} refused=${refused} />
  </div>`;
}

/** What is refused, by reason. @param {{refused: import("./write.js").Refused[]}} props */
function Refusals({ refused }) {
  if (!refused.length) return null;
  const reasons = Map.groupBy(refused, ({ why }) => why);
  return html`<ul class="plain small">${[...reasons].map(([why, all]) => html`<li key=${why}><span class="bad" dir="auto">${sentence(why)}</span>
    <span class="dim"> ${counted(all.length, "product")}: </span>${all.slice(0, PLACES).map(({ item }, at) => html`${at > 0 && ", "}<a href=${`/products/${item.id}`} target="_blank" rel="noopener" dir="auto">${item.name}</a>`)}${all.length > PLACES && " …"}</li>`)}</ul>`;
}

/** The attributes that have the names of others. @param {any} attributes @param {any} others */
const among = (attributes, others) => Object.fromEntries(Object.keys(others).map((name) => [name, attributes?.[name]]));

/** @param {string} name @param {any} value @param {any} item */
function valueOf(name, value, item) {
  if (name === "price") return price(value, item.currency);
  if (name === "attributes") return value ? Object.entries(value).map(([key, each]) => `${key}: ${shown(each)}`).join(", ") : "…";
  return Array.isArray(value) ? value.join(", ") || "–" : shown(value);
}
