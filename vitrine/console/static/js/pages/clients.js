/** Clients: the list as a grid, and one client with addresses, orders and the removal for good. */
import { Client } from "../clients/client.js";
import { Grid } from "../clients/grid.js";
import { NewClient } from "../clients/new_client.js";
import { decoded } from "../format.js";
import { html } from "../html.js";
import { Heading } from "../parts/heading.js";
import { path } from "../router.js";
import { useValue } from "../value.js";

export function Page() {
  const id = decoded(/^\/clients\/([^/]+)$/.exec(useValue(path))?.[1] ?? "");
  if (id) return html`<${Client} key=${id} id=${id} />`;
  return html`
    <${Heading} title="Clients" text="The people who order. A value is edited where it stands."><${NewClient} /><//>
    <${Grid} />`;
}
