/** Settings: who one is, where everything is, what is well, and which limits and settings apply. */
import { html } from "../html.js";
import { Heading } from "../parts/heading.js";
import { services } from "../services.js";
import { missing, session } from "../session.js";
import { Health } from "../settings/health.js";
import { Places } from "../settings/places.js";
import { Rights } from "../settings/rights.js";
import { useSettings } from "../settings/use_settings.js";
import { Values } from "../settings/values.js";
import { useValue } from "../value.js";

export function Page() {
  const current = useValue(session);
  const all = useValue(services);
  const reason = missing("admin");
  const found = useSettings(current?.services ?? [], !reason);
  const valueOf = (/** @type {string} */ name) => found.settings?.find((setting) => setting.name === name)?.value ?? "";
  if (!current) return html`<${Heading} title="Settings" text="Reading who you are." />`;
  return html`
    <${Heading} title="Settings" text=${`Vitrine ${current.version}. What this stack is set to, and where its parts are.`} />
    <${Health} services=${all} versions=${found.versions} version=${current.version} />
    <${Rights} session=${current} />
    <${Places} services=${all} valueOf=${valueOf} />
    <${Values} found=${found} reason=${reason} />`;
}
