/** Categories: the tree at one side, the chosen one with its rules at the other. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Branches } from "../categories/branches.js";
import { Create, Details } from "../categories/details.js";
import { MoveDialog } from "../categories/move.js";
import { Moves } from "../categories/moves.js";
import { CategorySearch } from "../categories/search.js";
import { Tree } from "../categories/tree.js";
import { edits } from "../edits/undo.js";
import { decoded, number } from "../format.js";
import { html } from "../html.js";
import { Heading } from "../parts/heading.js";
import { Panel } from "../parts/panel.js";
import { go, path } from "../router.js";
import { useEvents } from "../stream.js";
import { useAsk } from "../use_ask.js";
import { useValue } from "../value.js";

const SETTLE = 400; // milliseconds in which changes are read together

export function Page() {
  const tree = useMemo(() => new Branches(), []);
  const slug = decoded(useValue(path).split("/")[2] ?? "");
  const [move, setMove] = useState(/** @type {{item: any, target: any} | null} */ (null));
  const [task, setTask] = useState("");
  const [round, setRound] = useState(0);
  const [misfits, setMisfits] = useState(""); // the category that a change has left with products that do not fit
  const asked = useAsk(slug ? `/api/categories/categories/${encodeURIComponent(slug)}` : "");
  const timer = useRef(0);
  const kept = useValue(edits);
  useValue(tree.version);
  const refresh = () => {
    timer.current ||= setTimeout(() => {
      timer.current = 0;
      tree.refresh();
      asked.reload();
      setRound((last) => last + 1);
    }, SETTLE);
  };
  useEffect(() => {
    tree.start();
    return () => clearTimeout(timer.current);
  }, []);
  useEffect(() => refresh(), [kept]); // An undo may have moved something.
  useEvents("change", (events) => events.some(({ service }) => service === "categories") && refresh());
  const item = asked.value;
  useEffect(() => void (item && tree.reveal(item.path ?? [])), [item?.slug]);
  const choose = (/** @type {any} */ one) => go(one ? `/categories/${encodeURIComponent(one.slug)}` : "/categories");
  const changed = () => {
    tree.refresh();
    asked.reload();
  };
  const created = async (/** @type {any} */ one) => {
    await tree.refresh();
    choose(one);
  };
  const moved = async (/** @type {string[]} */ place, /** @type {boolean} */ leavesMisfits) => {
    const own = place.at(-1) ?? "";
    setMove(null);
    changed();
    if (leavesMisfits) {
      setMisfits(own);
      choose({ slug: own });
    }
    setRound(round + 1);
    await tree.reveal(place);
    // In a text field, Ctrl+Z takes back what was typed, not the move.
    requestAnimationFrame(() => /** @type {HTMLElement | null} */ (document.querySelector(`[data-slug="${CSS.escape(own)}"]`))?.focus());
  };
  const top = tree.branch("");
  const tools = html`<${CategorySearch} label="Find a category" filter=${true} onPick=${choose} />`;
  return html`
    <${Heading} title="Categories" text=${html`Drag one onto another to move it, or <kbd>Alt</kbd> with <kbd>→</kbd> and <kbd>←</kbd>. Nothing moves before you have seen what it does.`} />
    <${Moves} round=${round} />
    <div class="split">
      <${Panel} title="Tree" note=${top ? `${number(top.total)} at the top` : ""} fill tools=${tools} reply=${top?.reply} error=${top?.error}>
        <div class="inset"><${Create} parent=${null} onCreated=${created} /></div>
        <${Tree} tree=${tree} chosen=${slug} onChoose=${choose} onMove=${(/** @type {any} */ one, /** @type {any} */ target) => setMove({ item: one, target })}
          onRename=${() => setTask("rename")} onDelete=${() => setTask("delete")} />
      <//>
      <div class="side-by">${slug ? html`<${Details} key=${slug} asked=${asked} task=${task} onTask=${setTask} onChanged=${changed} onCreated=${created} hasMisfits=${misfits === slug} onMisfits=${() => setMisfits(slug)}
        onMove=${(/** @type {any} */ one, /** @type {any} */ target) => setMove({ item: one, target })} onDeleted=${() => (setTask(""), choose(null), tree.refresh())} />`
        : html`<p class="empty">Choose a category to see its products, its rules, and what can be done with it.</p>`}</div>
    </div>
    ${move && html`<${MoveDialog} item=${move.item} target=${move.target} onClose=${() => setMove(null)} onMoved=${moved} />`}`;
}
