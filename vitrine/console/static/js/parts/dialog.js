/** A modal dialog of the browser itself: it keeps the focus, and Esc closes it. */
import { useEffect, useId, useRef } from "preact/hooks";
import { html } from "../html.js";

/** @param {{title: string, onClose: () => void, children?: any}} props */
export function Dialog({ title, onClose, children }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const id = useId();
  useEffect(() => {
    const node = dialog.current;
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    node?.showModal();
    return () => {
      node?.close();
      before?.focus?.();
    };
  }, []);
  const cancel = (/** @type {Event} */ event) => {
    event.preventDefault();
    onClose();
  };
  const close = () => {
    // Chrome closes a dialog at a second Esc without asking. One that has to stay is shown again.
    const node = dialog.current;
    if (!node?.isConnected) return;
    onClose();
    setTimeout(() => node.isConnected && !node.open && node.showModal());
  };
  return html`<dialog ref=${dialog} aria-labelledby=${id} onCancel=${cancel} onClose=${close}>
    <div><h2 id=${id}>${title}</h2>${children}</div>
  </dialog>`;
}
