/** Import: drop files of a shop, see what becomes of them, try, import, undo. */
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api.js";
import { edits, undoing } from "../edits/undo.js";
import { clock } from "../format.js";
import { html } from "../html.js";
import { Options } from "../imports/options.js";
import { FilePlan } from "../imports/plan.js";
import { Recent } from "../imports/recent.js";
import { isBusy, pathOf, send } from "../imports/requests.js";
import { Steps } from "../imports/steps.js";
import { DropZone, FileButton } from "../parts/drop_zone.js";
import { Heading } from "../parts/heading.js";
import { Icon } from "../parts/icon.js";
import { Notice } from "../parts/notice.js";
import { Panel } from "../parts/panel.js";
import { Table } from "../parts/table.js";
import { go, query } from "../router.js";
import { say } from "../said.js";
import { useAsk } from "../use_ask.js";
import { useValue } from "../value.js";

const EVERY = 0.5; // seconds, while the console works on the import

export function Page() {
  const id = new URLSearchParams(useValue(query)).get("id") ?? "";
  const known = useAsk("/imports"); // the kinds of files
  const [sending, setSending] = useState("");
  const [error, setError] = useState("");
  const [round, setRound] = useState(0); // of files that were added
  const take = async (/** @type {File[]} */ files) => {
    setError("");
    const sent = await send(files, id, setSending);
    setSending("");
    setError(sent.error);
    if (sent.id && sent.id !== id) go(`/import?id=${encodeURIComponent(sent.id)}`);
    else setRound((last) => last + 1);
  };
  const what = id ? "Drop another file of the same shop here." : html`Drop the files of a shop here: CSV, XLSX, JSON or XML, as it exports them. Several files are one import.`;
  return html`<${DropZone} class="stack" onFiles=${take} disabled=${Boolean(sending)} text="Drop the files of a shop">
    <${Heading} title="Import" text="Products, clients and orders of another shop, or of a spreadsheet. Nothing is written before you say so.">
      ${id && html`<a href="/import">All imports</a>`}
    <//>
    <div class="drop"><${Icon} name="import" />
      <p>${sending ? html`Sending <b dir="auto">${sending}</b>.` : what}</p>
      <${FileButton} onFiles=${take} reason=${sending && "A file is being sent."} label="Choose files" accept="">Choose files<//></div>
    ${error && html`<${Notice} kind="bad" label="Not taken.">${error}<//>`}
    ${id ? html`<${One} key=${id} id=${id} round=${round} formats=${known.value?.formats ?? []} />` : html`
      <${Here} round=${round} />
      <${Recent} />`}
  <//>`;
}

/** One import. @param {{id: string, round: number, formats: any[]}} props */
function One({ id, round, formats }) {
  const [isSlow, setSlow] = useState(false);
  const isUndoing = useValue(undoing);
  const { value, reply, error, reload } = useAsk(`${pathOf(id)}?${round}`, { every: isSlow && !isUndoing ? 0 : EVERY });
  const busy = isBusy(value);
  const kept = useValue(edits);
  useEffect(() => void (value && reload()), [kept]); // It may have been taken back by Ctrl+Z.
  if (Boolean(value) && isSlow === busy) setSlow(!busy);
  const again = () => {
    setSlow(false);
    reload();
  };
  if (!value) return html`<${Panel} title="Import" note=${id} error=${error}>${!error && html`<p class="dim">Reading the import.</p>`}<//>`;
  return html`
    <${Steps} one=${value} reply=${reply} reload=${again} />
    ${value.plan?.map((/** @type {any} */ file) => html`<${FilePlan} key=${file.file} file=${file} />`)}
    ${value.files.length > 0 && html`<${Options} one=${value} formats=${formats} onSent=${again} />`}`;
}

const STATES = { new: "not read", read: "not imported yet", checked: "checked, not imported yet", done: "imported", stopped: "stopped", failed: "failed", undone: "undone" };

/** The imports that the console keeps, with the files that were sent. @param {{round: number}} props */
function Here({ round }) {
  const all = useAsk(`/imports?${round}`, { every: 3 });
  const rows = all.value?.items ?? [];
  if (!rows.length && !all.error) return null;
  const remove = async (/** @type {string} */ id) => {
    const reply = await ask(pathOf(id), { method: "DELETE" });
    say(reply.error || "The files are removed. What was imported stays.");
    all.reload();
  };
  const nameOf = (/** @type {any} */ row) => row.files.map((/** @type {any} */ file) => file.name).join(", ") || row.id;
  const columns = [
    { name: "Begun", kind: "time tight", cell: (/** @type {any} */ row) => clock(row.created_at) },
    { name: "Files", kind: "wide", cell: (/** @type {any} */ row) => html`<a href=${`/import?id=${encodeURIComponent(row.id)}`} dir="auto">${nameOf(row)}</a>` },
    { name: "State", cell: (/** @type {any} */ row) => /** @type {any} */ (STATES)[row.state] ?? `${row.state} now` },
    { name: "", kind: "actions tight", cell: (/** @type {any} */ row) => html`<button type="button" class="link" disabled=${isBusy(row)} aria-label=${`Remove ${nameOf(row)}`} onClick=${() => remove(row.id)}>Remove</button>` },
  ];
  return html`<${Panel} title="Begun here" note="kept for a day, until the console is started again" fill reply=${all.reply} error=${all.error}>
    <${Table} caption="Imports begun here" columns=${columns} rows=${rows} rowKey=${(/** @type {any} */ row) => row.id} empty="None." />
  <//>`;
}
