/** One import from its files to its undo: dry run, import with progress, stop, undo. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ask } from "../api.js";
import { edits, remember, undo } from "../edits/undo.js";
import { bytes, counted, duration, number } from "../format.js";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { Notice } from "../parts/notice.js";
import { Panel } from "../parts/panel.js";
import { sentence } from "../parts/sentence.js";
import { say } from "../said.js";
import { missing } from "../session.js";
import { isBusy, NOTHING, pathOf } from "./requests.js";
import { Report } from "./report.js";

const WORDS = { reading: "Reading the files.", checking: "Checking every row; nothing is written.", running: "Importing. This goes on if you leave the page.", undoing: "Taking the import back." };

/** @param {{one: import("./requests.js").Import, reply: any, reload: () => void}} props */
export function Steps({ one, reply, reload }) {
  const [error, setError] = useState("");
  const busy = isBusy(one);
  const lacking = one.scopes.find((scope) => missing(scope)) ?? "";
  const scope = lacking || one.scopes[0] || "products:write";
  const names = one.files.map(({ name }) => name).join(", ");
  const label = `import of ${names || one.id}`;
  const start = async (/** @type {string} */ step) => {
    const answer = await ask(`${pathOf(one.id)}/${step}`, { method: "POST" });
    setError(answer.error);
    if (answer.ok && step === "run" && !edits.get().some((edit) => edit.imported === one.id)) remember({ label, imported: one.id }, `Begun: ${label}.`);
    reload();
  };
  const takeBack = async () => {
    const known = edits.get().find((edit) => edit.imported === one.id);
    const ended = undo(known ?? { label, imported: one.id });
    reload();
    await ended;
    reload();
  };
  const stop = async () => {
    const answer = await ask(`${pathOf(one.id)}/stop`, { method: "POST" });
    say(answer.error || "It stops after the rows that are sent.");
  };
  const isRead = Boolean(one.plan) && !busy;
  const buttons = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    // A button that is disabled during the work loses the focus, which the next step needs.
    if (isRead && document.activeElement === document.body) /** @type {HTMLElement | null} */ (buttons.current?.querySelector("button:enabled"))?.focus({ preventScroll: true });
  }, [isRead]);
  const tools = html`<div class="tools" ref=${buttons}>
    ${(one.state === "checking" || one.state === "running") && html`<button type="button" onClick=${stop}>Stop</button>`}
    <${Action} scope=${scope} disabled=${!isRead} onClick=${() => start("dry-run")}>Dry run<//>
    <${Action} scope=${scope} kind=${one.done ? "" : "main"} disabled=${!isRead} onClick=${() => start("run")}>${one.done ? "Import again" : "Import"}<//>
    ${one.done && html`<${Action} scope=${scope} disabled=${busy || one.state === "undone"} onClick=${takeBack}>Undo<//>`}
  </div>`;
  const sizes = one.files.map(({ name, bytes: size }) => `${name}, ${bytes(size)}`).join(" · ");
  return html`<${Panel} title=${one.files.length ? counted(one.files.length, "file") : "Import"} note=${sizes || one.id} tools=${tools} reply=${reply} error=${error}>
    ${lacking && html`<${Notice} kind="warn" label="You cannot import this.">${missing(lacking)}<//>`}
    ${busy && html`<${Progress} one=${one} />`}
    ${one.state === "failed" && html`<${Notice} kind="bad" label=${one.done ? "Stopped." : "Not imported."}>${sentence(one.error)}${one.done ? " Import again to finish: rows that are done change nothing." : ""}<//>`}
    ${one.state === "stopped" && html`<${Notice} kind="warn" label="Stopped.">Import again to finish: rows that are done change nothing.<//>`}
    <${Outcome} one=${one} busy=${busy} />
  <//>`;
}

function Progress({ one }) {
  const { share, rows, seconds } = one.progress ?? { share: 0, rows: 0, seconds: 0 };
  return html`<p class="dim" role="status">${/** @type {any} */ (WORDS)[one.state]}${rows > 0 && ` ${counted(rows, "row")} in ${duration(seconds * 1000)}.`}</p>
    ${one.progress ? html`<progress value=${share} max="1" aria-label="Progress of the import"></progress>` : html`<progress aria-label="Progress of the import"></progress>`}`;
}

function Outcome({ one, busy }) {
  if (one.undone && !busy) return html`<${Undone} undone=${one.undone} />`;
  if (one.done) return html`
    ${one.state === "done" && html`<p class="verdict good" role="status">${one.changes ? "Imported. Ctrl+Z takes all of it back." : "No row had to change."}</p>`}
    <${Report} result=${one.done} dry=${false} busy=${busy} />`;
  if (one.checked) return html`
    ${one.state === "checked" && html`<p class="verdict ${refused(one.checked) ? "warn" : "good"}" role="status">${refused(one.checked)
      ? `${counted(refused(one.checked), "row")} would be refused.` : "Every row would be accepted."}</p>`}
    <${Report} result=${one.checked} dry=${true} busy=${busy} />`;
  if (busy || one.state === "failed") return null;
  return html`<p class="dim">Nothing is written yet. <b>Dry run</b> has the services check every row and writes nothing; <b>Import</b> writes, and can be undone.</p>`;
}

/** @param {{reports: any[]}} result */
const refused = ({ reports }) => reports.reduce((sum, { counts }) => sum + counts.failed, 0);

/** @param {{undone: import("./requests.js").Undone}} props */
function Undone({ undone }) {
  const { is_known: isKnown, kept, left, refused: requests, refusals, hidden } = undone;
  const done = Object.entries(undone.done).map(([what, count]) => `${number(count)} ${what}`).join(", ");
  return html`<p class="verdict ${left || refusals || hidden.length ? "warn" : "good"}" role="status">${isKnown ? html`Undone${done && `: ${done}`}.` : NOTHING}</p>
    <${Lines} title=${`${counted(left, "value")} had changed since, and stayed as ${left === 1 ? "it is" : "they are"}:`} lines=${kept} />
    <${Lines} title=${`${counted(refusals, "request")} of the undo ${refusals === 1 ? "was" : "were"} refused:`} lines=${requests} />
    <${Lines} title="Left out, because you may not undo there:" lines=${hidden} />`;
}

/** @param {{title: string, lines: string[]}} props */
function Lines({ title, lines }) {
  if (!lines.length) return null;
  return html`<p>${title}</p>
    <ul class="plain small">${lines.map((text) => html`<li dir="auto" key=${text}>${text}</li>`)}</ul>`;
}
