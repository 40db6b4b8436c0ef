/** What the board shows: words or a number, days, and the states that have a column. */
import { html } from "../html.js";
import { useWords } from "../lists/use_words.js";
import { go, query } from "../router.js";
import { showView, viewOf } from "./query.js";
import { MEANINGS, STATES } from "./states.js";

const NUMBER = /^#?(\d+)$/; // of an order

/** @param {{view: import("./query.js").View}} props */
export function Filters({ view }) {
  const { words, setWords, send } = useWords(view.q, (q) => showView({ ...viewOf(query.get()), q }), (text) => NUMBER.test(text));
  const find = (/** @type {Event} */ event) => {
    event.preventDefault();
    const number = NUMBER.exec(words.trim())?.[1];
    if (number) go(`/orders/${number}`);
    else send();
  };
  const toggle = (/** @type {string} */ state) => {
    const isShown = view.states.includes(state);
    const states = STATES.filter((each) => (each === state ? !isShown : view.states.includes(each)));
    if (states.length) showView({ ...view, states });
  };
  const day = (/** @type {"from" | "to"} */ name, /** @type {string} */ text) => html`<label class="check">${text}
    <input type="date" value=${view[name]} onChange=${(/** @type {any} */ event) => showView({ ...view, [name]: event.target.value })} /></label>`;
  return html`<div class="tools filters">
    <form role="search" onSubmit=${find}><label><span class="hidden">Find orders</span>
      <input type="search" data-filter dir="auto" placeholder="Number or note  ( / )" value=${words}
        onInput=${(/** @type {any} */ event) => setWords(event.target.value)} /></label></form>
    ${day("from", "from")}${day("to", "to")}
    <div class="tools" role="group" aria-label="States that are shown">${STATES.map((state) => html`<button type="button" key=${state} class="chip"
      aria-pressed=${view.states.includes(state)} title=${MEANINGS[state]} onClick=${() => toggle(state)}>${state}</button>`)}</div>
  </div>`;
}
