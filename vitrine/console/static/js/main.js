/** Starts the console: the token, the stream, the keys, and the page. */
import { render } from "preact";
import { ask } from "./api.js";
import { forgetEarly } from "./requests/early.js";
import { token } from "./requests/headers.js";
import { html } from "./html.js";
import { startKeys } from "./keys.js";
import { pageOf, PAGES } from "./pages.js";
import { loadPart } from "./parts/lazy.js";
import { startRecent } from "./recent.js";
import { startRouter } from "./router.js";
import { startServices } from "./services.js";
import { answerTabs, askTabs, endSignIn, session, signIn, takeToken } from "./session.js";
import { Shell } from "./shell/shell.js";
import { restartStream, startStream } from "./stream.js";

const RETRY = 2000; // milliseconds

/** Ask who is signed in, until the console answers; then let the live parts begin. */
async function loadSession() {
  let reply = await ask("/session");
  if (!token() && reply.value?.signed_in === false) {
    await askTabs();
    if (token()) reply = await ask("/session");
  }
  if (!reply.ok) return void setTimeout(loadSession, RETRY);
  session.set(reply.value);
  restartStream();
  if (!reply.value.signed_in) return signIn(reply.value.problem || "The services ask for a token.");
  return undefined;
}

takeToken();
answerTabs();
addEventListener("hashchange", () => {
  if (!takeToken()) return;
  endSignIn(true); // The token of the address answers the dialog.
  loadSession();
});
startRouter();
startKeys(PAGES);
startRecent();
startStream();
loadSession().then(startServices);
const page = pageOf(location.pathname);
if (page) await loadPart(page.load).catch(() => {}); // It is said where the page would be.
const app = /** @type {HTMLElement} */ (document.getElementById("app"));
app.replaceChildren();
render(html`<${Shell} onSignedIn=${loadSession} />`, app);
forgetEarly();
performance.mark("ready");
