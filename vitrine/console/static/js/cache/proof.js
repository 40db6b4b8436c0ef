/** Prove it: random writes and reads for some seconds, by the API and by hand, and what was stale. */
import { useState } from "preact/hooks";
import { ask } from "../api.js";
import { number, percent } from "../format.js";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { Figures } from "../parts/figures.js";
import { Notice } from "../parts/notice.js";
import { Panel } from "../parts/panel.js";
import { say } from "../said.js";
import { missing, session } from "../session.js";
import { useEvents } from "../stream.js";
import { useAsk } from "../use_ask.js";
import { useValue } from "../value.js";

const LENGTHS = [10, 30, 60, 300]; // seconds
const BUSY = ["preparing", "running", "comparing"];
const WORDS = { preparing: "Making documents of its own.", running: "Writing and reading.", comparing: "Comparing every answer with every write." };

export function Proof() {
  const fuzz = useValue(session)?.fuzz;
  const isAllowed = !missing("admin");
  const asked = useAsk(isAllowed ? "/fuzz" : "");
  const [live, setLive] = useState(/** @type {any} */ (null));
  const [seconds, setSeconds] = useState(30);
  useEvents("fuzz", (events) => setLive(events.at(-1)));
  const run = live ?? asked.value;
  const isBusy = BUSY.includes(run?.state);
  const start = async () => {
    const reply = await ask("/fuzz", { method: "POST", body: { seconds } });
    if (reply.ok) setLive(reply.value);
    else say(reply.error);
  };
  const stop = async () => say((await ask("/fuzz", { method: "DELETE" })).error || "It stops, and removes its documents.");
  const why = fuzz && !fuzz.possible ? fuzz.why_not : "";
  const tools = html`<div class="tools">
    <label><span class="hidden">How long</span><select value=${seconds} disabled=${isBusy} onChange=${(/** @type {any} */ event) => setSeconds(Number(event.target.value))}>
      ${LENGTHS.map((each) => html`<option value=${each}>${each < 60 ? `${each} s` : `${each / 60} min`}</option>`)}</select></label>
    ${isBusy ? html`<${Action} scope="admin" onClick=${stop}>Stop<//>` : html`<${Action} scope="admin" kind="main" disabled=${Boolean(why)} onClick=${start}>Prove it<//>`}
  </div>`;
  return html`<${Panel} title="Prove it" note="never stale, on this very stack" tools=${tools} reply=${asked.reply} error=${isAllowed ? asked.error : ""}>
    ${why && html`<${Notice} kind="warn" label="Not possible here.">${why}<//>`}
    ${!run || run.state === "none" ? html`<p class="dim">Writes documents of its own at random, through the API and straight into MongoDB behind its back, reads them at the
      same time, and compares every answer with every write. At the end it removes them.</p>` : html`<${Run} run=${run} isBusy=${isBusy} />`}
  <//>`;
}

function Run({ run, isBusy }) {
  const writes = run.writes + run.hand_writes;
  return html`
    ${isBusy && html`<p class="dim">${/** @type {any} */ (WORDS)[run.state]} ${number(Math.min(run.elapsed, run.seconds))} of ${number(run.seconds)} s.</p>
      <progress value=${run.elapsed} max=${run.seconds} aria-label="Time of the proof"></progress>`}
    ${!isBusy && html`<${Outcome} run=${run} />`}
    <${Figures} items=${[
      { name: "Reads", value: number(run.reads), remark: run.reads ? `${percent(run.hits / run.reads)} hits` : "" },
      { name: "Writes", value: number(writes), remark: `${number(run.writes)} through the API` },
      { name: "By hand", value: number(run.hand_writes), remark: "straight in MongoDB" },
      { name: "Stale", value: html`<span class=${run.stale ? "bad" : "good"}>${number(run.stale)}</span>`, remark: isBusy ? "so far" : "of all answers" },
    ]} />
    ${run.problems.length > 0 && html`<ul class="plain small">${run.problems.map((/** @type {string} */ text) => html`<li class="bad" dir="auto">${text}</li>`)}</ul>`}`;
}

/** One sentence about the end of a run. */
function Outcome({ run }) {
  if (run.state === "stopped") return html`<p class="verdict" role="status">Stopped. Nothing is proven.</p>`;
  if (run.state === "failed") return html`<p class="verdict bad" role="status">The test could not run.</p>`;
  if (run.stale) return html`<p class="verdict bad" role="status">${number(run.stale)} stale. Please report this.</p>`;
  if (run.failed || run.problems.length) return html`<p class="verdict warn" role="status">0 stale, but ${number(run.failed)} requests failed.</p>`;
  return html`<p class="verdict good" role="status">0 stale. Proven with ${number(run.reads)} reads and ${number(run.writes + run.hand_writes)} writes.</p>`;
}
