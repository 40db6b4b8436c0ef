/** Photos for many products: dropped on a list of products, they find theirs by SKU or name. */
import { html } from "../html.js";
import { DropZone, FileButton } from "../parts/drop_zone.js";
import { actWith, Lazy } from "../parts/lazy.js";
import { missing, session } from "../session.js";
import { useValue } from "../value.js";
import { dropped } from "./dropped_photos.js";

const SCOPE = "products:write";
const loadWork = () => import("./dropped.js");
const loadPanel = () => import("./dropped_panel.js");

/** @param {File[]} files */
const drop = (files) => actWith(loadWork, (work) => work.drop(files));

/** The place of the products: photos may be dropped anywhere on it. @param {{children?: any}} props */
export function PhotoDrop({ children }) {
  useValue(session);
  const hasPhotos = useValue(dropped).length > 0;
  return html`<${DropZone} class="stack" onFiles=${drop} disabled=${Boolean(missing(SCOPE))} text="Drop photos: each finds its product by SKU or name">
    ${hasPhotos && html`<${Lazy} load=${loadPanel} part="Dropped" />`}
    ${children}
  <//>`;
}

/** The same by keyboard. */
export function PhotoButton() {
  useValue(session);
  return html`<${FileButton} onFiles=${drop} reason=${missing(SCOPE)}>Add photos …<//>`;
}
