/** Moves that products have not followed yet. */
import { number } from "../format.js";
import { html } from "../html.js";
import { Notice } from "../parts/notice.js";
import { missing } from "../session.js";
import { useAsk } from "../use_ask.js";

const EVERY = 3; // seconds

/** @param {{round: number}} props  another number has it asked at once */
export function Moves({ round }) {
  const { value } = useAsk(missing("admin") ? "" : `/api/categories/categories:moves#${round}`, { every: EVERY });
  const moves = value?.moves ?? [];
  if (!moves.length) return null;
  const first = moves.slice(0, 3).map(({ slug, path }) => `${slug} to ${path.join(" / ") || "no category"}`).join(", ");
  return html`<${Notice} kind="warn" label="Moves under way.">${number(moves.length)} ${moves.length === 1 ? "category has" : "categories have"} products that still follow: ${first}${moves.length > 3 ? ", …" : ""}. The page may be left.<//>`;
}
