/** A product that is not there: never was, or is in the trash, from where it comes back. */
import { ask } from "../api.js";
import { moment } from "../amounts.js";
import { remember } from "../edits/undo.js";
import { html } from "../html.js";
import { Action } from "../parts/action.js";
import { Heading } from "../parts/heading.js";
import { Notice } from "../parts/notice.js";
import { say } from "../said.js";
import { useAsk } from "../use_ask.js";

/** @param {{ref: string, onRestored: () => void}} props */
export function MissingProduct({ ref, onRestored }) {
  const path = `/products/${encodeURIComponent(ref)}`;
  const { value } = useAsk(`/api/products${path}/history?per=1`);
  const last = value?.items?.[0];
  const restore = async () => {
    const reply = await ask(`/api/products${path}/restore`, { method: "POST" });
    if (!reply.ok) return say(reply.error);
    remember({ label: `${reply.value.name} back from the trash`, steps: [{ service: "products", method: "DELETE", path, etag: reply.etag }] });
    return onRestored();
  };
  const isInTrash = last?.type === "deleted";
  return html`<${Heading} title=${`Product ${ref}`} text=${html`<a href="/products">All products</a>`} />
    <${Notice} kind="warn" label=${isInTrash ? "In the trash." : "Not there."} action=${isInTrash && html`<${Action} scope="products:write" kind="main" onClick=${restore}>Restore<//>`}>
      ${isInTrash ? html`<bdi>${last.by}</bdi> moved it there, ${moment(last.at)}.` : "There is no product with this id or slug."}<//>`;
}
