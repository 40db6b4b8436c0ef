/** The dialog that asks for a token; what was typed on the page behind it stays. */
import { useState } from "preact/hooks";
import { html } from "../html.js";
import { keepToken } from "../requests/headers.js";
import { asked, endSignIn } from "../session.js";
import { useValue } from "../value.js";
import { Dialog } from "../parts/dialog.js";
import { sentence } from "../parts/sentence.js";

/** @param {{onSignedIn: () => void}} props */
export function SignIn({ onSignedIn }) {
  const reason = useValue(asked);
  const [text, setText] = useState("");
  if (!reason) return null;
  const send = (/** @type {Event} */ event) => {
    event.preventDefault();
    keepToken(text.trim().replace(/^Bearer\s+/i, ""));
    setText("");
    endSignIn(true);
    onSignedIn();
  };
  const cancel = () => {
    setText("");
    endSignIn(false);
  };
  return html`<${Dialog} title="Sign in" onClose=${cancel}>
    <p>${sentence(reason)}</p>
    <form class="tools" onSubmit=${send}>
      <label class="field wide">Token
        <input type="password" autocomplete="off" spellcheck=${false} required value=${text}
          onInput=${(/** @type {any} */ event) => setText(event.target.value)} />
      </label>
      <button type="button" onClick=${cancel}>Not now</button>
      <button class="main" disabled=${!text.trim()}>Sign in</button>
    </form>
    <p class="dim small">Make one with <code>vitrine token --scope admin</code>, or start with
      ${" "}<code>vitrine console</code>, which signs you in. The token stays in this tab.</p>
  <//>`;
}
