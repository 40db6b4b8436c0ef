/** Orders: a board by state with what each order allows, one order, and what was sold. */
import { html } from "../html.js";
import { Board } from "../orders/board.js";
import { Order } from "../orders/order.js";
import { Sold } from "../orders/sold.js";
import { Heading } from "../parts/heading.js";
import { decoded } from "../format.js";
import { path } from "../router.js";
import { useValue } from "../value.js";

export function Page() {
  const id = decoded(/^\/orders\/([^/]+)$/.exec(useValue(path))?.[1] ?? "");
  if (id) return html`<${Order} key=${id} id=${id} />`;
  return html`
    <${Heading} title="Orders" text="By state, the newest first. An order that is placed elsewhere appears by itself." />
    <${Board} />
    <${Sold} />`;
}
