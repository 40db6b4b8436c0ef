/** The options of `vitrine import shop`: how the files are read, if they do not tell it themselves. */
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api.js";
import { html } from "../html.js";
import { Panel } from "../parts/panel.js";
import { say } from "../said.js";
import { isBusy, pathOf } from "./requests.js";

const TEXTS = [
  { name: "currency", label: "Currency of the prices", hint: "EUR" },
  { name: "encoding", label: "Character encoding", hint: "as detected" },
  { name: "separator", label: "Sign between cells", hint: "as detected" },
  { name: "sheet", label: "Sheet of a workbook", hint: "the first with a header" },
  { name: "source", label: "Source", hint: "none" },
];
const CHOICES = [
  { name: "weight_unit", label: "Unit of weights", choices: ["g", "kg", "lb", "oz"], none: "as the file says" },
  { name: "decimal", label: "Decimal mark", choices: [".", ","], none: "as the file shows it" },
];

/**
 * @param {{one: import("./requests.js").Import, formats: {name: string, title: string}[], onSent: () => void}} props
 */
export function Options({ one, formats, onSent }) {
  const [options, setOptions] = useState(one.options);
  const [error, setError] = useState("");
  useEffect(() => setOptions(one.options), [JSON.stringify(one.options)]);
  const set = (/** @type {string} */ name) => (/** @type {any} */ event) =>
    setOptions({ ...options, [name]: event.target.type === "checkbox" ? event.target.checked : event.target.value.trim() });
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const reply = await ask(`${pathOf(one.id)}/plan`, { method: "POST", body: options });
    setError(reply.error);
    if (!reply.ok) return;
    say("The files are read again.");
    onSent();
  };
  return html`<${Panel} title="How the files are read" note="as the options of vitrine import shop" error=${error}>
    <form class="options" onSubmit=${send}>
      <label class="field">Kind of file
        <select value=${options.format} onChange=${set("format")}>
          <option value="">recognised by its columns</option>
          ${formats.map(({ name, title }) => html`<option key=${name} value=${name}>${title}</option>`)}</select></label>
      ${CHOICES.map(({ name, label, choices, none }) => html`<label class="field" key=${name}>${label}
        <select value=${options[name]} onChange=${set(name)}><option value="">${none}</option>
          ${choices.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}</select></label>`)}
      ${TEXTS.map(({ name, label, hint }) => html`<label class="field" key=${name}>${label}
        <input value=${options[name]} placeholder=${hint} spellcheck=${false} autocomplete="off" onChange=${set(name)} /></label>`)}
      <label class="check"><input type="checkbox" checked=${options.photos} onChange=${set("photos")} />Bring the photos</label>
      <p class="dim small wide">A source, such as <i>etsy</i>, keeps the products, clients and orders of two shops apart: it goes before their numbers and groups.</p>
      <button disabled=${isBusy(one)}>Read again</button>
    </form>
  <//>`;
}
