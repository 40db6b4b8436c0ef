/** What is around every page: navigation, the state of the services, the caller, messages. */
import { useEffect, useRef } from "preact/hooks";
import { question } from "../edits/question.js";
import { UndoButton } from "../edits/undo_button.js";
import { html } from "../html.js";
import { keysShown } from "../keys.js";
import { pageOf, PAGES } from "../pages.js";
import { Icon } from "../parts/icon.js";
import { Lazy } from "../parts/lazy.js";
import { Notice } from "../parts/notice.js";
import { Dot } from "../parts/pill.js";
import { sentence } from "../parts/sentence.js";
import { path, title } from "../router.js";
import { said, say } from "../said.js";
import { services, servicesReply, toneOf, wordOf } from "../services.js";
import { asked, missing, openSignIn, session } from "../session.js";
import { streamState } from "../stream.js";
import { useValue } from "../value.js";

const PARTS = /** @type {const} */ (["stack", "shop"]);
const ICON = new URL("../../icon.svg", import.meta.url).pathname;

/** @param {{onSignedIn: () => void}} props */
export function Shell({ onSignedIn }) {
  const shown = useValue(path);
  const main = useRef(/** @type {HTMLElement | null} */ (null));
  const last = useRef(/** @type {import("../pages.js").PageEntry | null | undefined} */ (undefined));
  const named = useValue(title);
  const page = pageOf(shown);
  useEffect(() => {
    document.title = [named, page?.name, "Vitrine"].filter(Boolean).join(" · ");
  }, [named, page]);
  useEffect(() => {
    const before = last.current;
    last.current = page ?? null;
    // A screen reader reads the new page; of the same one, if what had the focus is gone.
    if (before !== undefined && (before !== last.current || document.activeElement === document.body)) main.current?.focus();
  }, [shown]);
  return html`<a class="skip" href="#main">Skip to the content</a>
    <div class="shell">
      <header class="side">
        <a class="brand" href="/"><img src=${ICON} alt="" width="22" height="22" />Vitrine</a>
        <nav aria-label="Pages">${PARTS.map((part) => html`<ul class="pages" key=${part}>
          ${PAGES.filter((each) => each.part === part).map((each) => html`<li key=${each.path}>
            <a href=${each.path} aria-current=${each === page ? "page" : undefined}><${Icon} name=${each.icon} />${each.name}</a></li>`)}
        </ul>`)}</nav>
        <${UndoButton} />
        <${States} />
        <${Who} />
      </header>
      <main id="main" tabindex="-1" ref=${main}>
        <${Outages} />
        ${page ? html`<${Lazy} key=${page.path} load=${page.load} part="Page" title=${page.name} />` : html`<h1>This page does not exist.</h1>
          <p>Choose one of the pages beside, or go to the <a href="/">overview</a>.</p>`}
      </main>
    </div>
    <${Dialogs} onSignedIn=${onSignedIn} />
    <${Said} />`;
}

const loadSignIn = () => import("./sign_in.js");
const loadKeys = () => import("./keys_dialog.js");
const loadConflict = () => import("../edits/conflict_dialog.js");

/** Dialogs that each page may have, loaded with the first of their kind. @param {{onSignedIn: () => void}} props */
function Dialogs({ onSignedIn }) {
  const [reason, hasKeys, conflict] = [useValue(asked), useValue(keysShown), useValue(question)];
  return html`${reason && html`<${Lazy} load=${loadSignIn} part="SignIn" props=${{ onSignedIn }} />`}
    ${hasKeys && html`<${Lazy} load=${loadKeys} part="KeysDialog" props=${{ pages: PAGES }} />`}
    ${conflict && html`<${Lazy} load=${loadConflict} part="ConflictDialog" />`}`;
}

/** One line for each service. */
function States() {
  const all = useValue(services);
  return html`<section class="states" aria-label="State of the services">
    <h2>Services</h2>
    <ul class="plain">${all.map(({ name, state }) => html`<li key=${name}>
      <span>${name}</span><${Dot} kind=${toneOf(state)}>${wordOf(state)}<//></li>`)}
    </ul>
  </section>`;
}

/** The caller, and the way to the keys. */
function Who() {
  const current = useValue(session);
  return html`<div class="who">
    ${current?.subject && html`<span>Signed in as <b dir="auto">${current.subject}</b></span>`}
    ${current?.mode === "open" && html`<span>Open on this machine</span>`}
    ${current?.mode === "token" && html`<button type="button" class="link" onClick=${openSignIn}>
      ${current.signed_in ? "Change the token" : "Sign in"}</button>`}
    <button type="button" class="link" onClick=${() => keysShown.set(true)}>Keys <kbd>?</kbd></button>
  </div>`;
}

/** One sentence if the console or its stream does not answer. */
function Outages() {
  const reply = useValue(servicesReply);
  const stream = useValue(streamState);
  const current = useValue(session);
  const reason = current?.signed_in ? missing("admin") : "";
  if (reason) return html`<${Notice} kind="warn" label="Not everything is shown.">${reason}<//>`;
  if (reply && !reply.ok) return html`<${Notice} kind="bad" label="Interrupted.">${sentence(reply.error)}<//>`;
  const isFine = ["starting", "live", "resting"].includes(stream);
  return isFine ? null : html`<${Notice} kind="warn" label="Not live.">${sentence(stream)}<//>`;
}

function Said() {
  const current = useValue(said);
  const act = (/** @type {import("../said.js").Offer} */ { run }) => {
    say("");
    run();
  };
  return html`<div class="said" role="status" aria-live="polite">${current && html`<p><span dir="auto">${sentence(current.text)}</span>
    ${current.offers.map((offer) => html`<button type="button" key=${offer.label} onClick=${() => act(offer)}>${offer.label}</button>`)}</p>`}</div>`;
}
