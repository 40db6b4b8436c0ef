/** The form of an edit of many products: which field, and what becomes of it. */
import { useState } from "preact/hooks";
import { NUMBER_HINT, numberOf } from "../amounts.js";
import { html } from "../html.js";
import { useAsk } from "../use_ask.js";
import { STATUSES } from "../products/columns/columns.js";
import { COLLECTION } from "../products/paths.js";

const FIELDS = { price: "Price", category: "Category", status: "Status", brand: "Brand", tags: "Tags", attribute: "Attribute", trash: "Move to the trash" };
const WAYS = {
  price: { percent: "raise or lower by %", amount: "add an amount", set: "set to" },
  tags: { add: "add", remove: "remove", set: "replace by" },
};
const ENDINGS = { none: "not rounded", 0.99: "to the nearest .99", 0.95: "to the nearest .95", 0: "to whole numbers" };
const KINDS = { text: "a text", number: "a number", boolean: "yes or no", none: "removed" };

/**
 * @param {{onTry: (change: import("./plan.js").Change | "trash", label: string) => void, brands: string[], isBusy: boolean, onClose: () => void}} props
 */
export function BulkForm({ onTry, brands, isBusy, onClose }) {
  const [values, setValues] = useState(/** @type {Record<string, string>} */ ({ field: "price", how: "percent", ending: "none", text: "", name: "", kind: "text" }));
  const [error, setError] = useState("");
  const { field, how, ending, text, name, kind } = values;
  const put = (/** @type {Record<string, string>} */ changes) => {
    setError("");
    setValues({ ...values, ...changes });
  };
  const send = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (field === "trash") return onTry("trash", "to the trash");
    const { change, label, why } = read(values);
    return change ? onTry(change, label) : setError(why);
  };
  const ways = /** @type {any} */ (WAYS)[field];
  const Select = (/** @type {string} */ id, /** @type {string} */ label, /** @type {Record<string, string>} */ options) => html`<label class="field">${label}
    <select value=${values[id]} onChange=${(/** @type {any} */ event) => put({ [id]: event.target.value })}>
      ${Object.entries(options).map(([value, word]) => html`<option key=${value} value=${value} selected=${value === values[id]}>${word}</option>`)}</select></label>`;
  const Text = (/** @type {string} */ label, /** @type {string} */ list = "") => html`<label class="field">${label}
    <input value=${text} dir="auto" list=${list || undefined} autocomplete="off" aria-invalid=${Boolean(error)} onInput=${(/** @type {any} */ event) => put({ text: event.target.value })} /></label>`;
  return html`<form class="bulk" onSubmit=${send}>
    <label class="field">What<select value=${field} onChange=${(/** @type {any} */ event) => put({ field: event.target.value, how: Object.keys(/** @type {any} */ (WAYS)[event.target.value] ?? { set: "" })[0], text: "" })}>
      ${Object.entries(FIELDS).map(([value, word]) => html`<option key=${value} value=${value} selected=${value === field}>${word}</option>`)}</select></label>
    ${ways && Select("how", "How", ways)}
    ${field === "price" && Text(how === "percent" ? "Percent, such as 5 or -10" : how === "amount" ? "Amount, such as 1 or -0.5" : "Price; empty for none")}
    ${field === "price" && Select("ending", "Rounded", ENDINGS)}
    ${field === "category" && html`${Text("Name or slug; empty for none", "bulk-categories")}<${Categories} text=${text} />`}
    ${field === "status" && html`<label class="field">Status<select value=${text} onChange=${(/** @type {any} */ event) => put({ text: event.target.value })}>
      <option value="">choose</option>${STATUSES.map((each) => html`<option key=${each} value=${each} selected=${each === text}>${each}</option>`)}</select></label>`}
    ${field === "brand" && html`${Text("Brand; empty for none", "bulk-brands")}<datalist id="bulk-brands">${brands.map((each) => html`<option key=${each} value=${each}></option>`)}</datalist>`}
    ${field === "tags" && Text("Tags, with commas between")}
    ${field === "attribute" && html`<label class="field">Name<input value=${name} dir="auto" required onInput=${(/** @type {any} */ event) => put({ name: event.target.value })} /></label>
      ${Select("kind", "Becomes", KINDS)}${kind === "boolean" ? html`<label class="check"><input type="checkbox" checked=${text === "yes"} onChange=${(/** @type {any} */ event) => put({ text: event.target.checked ? "yes" : "" })} />yes</label>` : kind !== "none" && Text("Value")}`}
    ${error && html`<p class="bad small" role="alert">${error}</p>`}
    <div class="tools"><button type="button" disabled=${isBusy} onClick=${onClose}>Cancel</button>
      <button class="main" disabled=${isBusy}>${field === "trash" ? "Show what goes to the trash" : "Show what would change"}</button></div>
  </form>`;
}

/**
 * Return the change that the form describes, or why it describes none.
 * @param {Record<string, string>} values
 * @returns {{change?: import("./plan.js").Change, label: string, why: string}}
 */
function read({ field, how, ending, text, name, kind }) {
  const typed = text.trim();
  if (field === "price") {
    const value = numberOf(typed);
    if (Number.isNaN(value)) return { label: "", why: NUMBER_HINT };
    if (value === null && how !== "set") return { label: "", why: "Write a number." };
    const sign = Number(value) > 0 ? "+" : "";
    const label = how === "percent" ? `prices ${sign}${typed.replace(/^\+/, "")} %` : how === "amount" ? `prices ${sign}${typed.replace(/^\+/, "")}` : `price ${typed || "none"}`;
    return { change: { field, how, value, ending: value === null || ending === "none" ? null : Number(ending) }, label, why: "" };
  }
  if (field === "status" && !typed) return { label: "", why: "Choose a status." };
  if (field === "tags") {
    const tags = typed.split(",").map((tag) => tag.trim()).filter(Boolean);
    if (!tags.length && how !== "set") return { label: "", why: "Write at least one tag." };
    return { change: { field, how, value: tags }, label: `tags: ${how} ${tags.join(", ") || "none"}`, why: "" };
  }
  if (field === "attribute") {
    const value = kind === "none" ? null : kind === "number" ? numberOf(typed) : kind === "boolean" ? typed === "yes" : typed;
    if (Number.isNaN(value) || (kind === "number" && value === null)) return { label: "", why: NUMBER_HINT };
    if (kind === "text" && !typed) return { label: "", why: "Write a value, or choose that it is removed." };
    return { change: { field, how: "set", value, name: name.trim() }, label: `${name.trim()}: ${kind === "none" ? "removed" : typed}`, why: "" };
  }
  return { change: { field: /** @type {any} */ (field), how: "set", value: typed || null }, label: `${field} ${typed || "none"}`, why: "" };
}

/** Categories whose name begins with what is typed. */
function Categories({ text }) {
  const { value } = useAsk(text.trim() ? `${COLLECTION}/suggest?${new URLSearchParams({ q: text.trim().slice(0, 200) })}` : "");
  return html`<datalist id="bulk-categories">${(value?.categories ?? []).map((/** @type {any} */ { slug, name }) => html`<option key=${slug} value=${slug}>${name}</option>`)}</datalist>`;
}
