/** Cache: live requests with their verdict and the reason, reads per second, and the keys. */
import { useMemo, useState } from "preact/hooks";
import { CacheKeys } from "../cache/keys.js";
import { LiveRequests } from "../cache/live_requests.js";
import { counted, duration, number, percent } from "../format.js";
import { html } from "../html.js";
import { Chart, sumOf } from "../parts/chart.js";
import { Figures } from "../parts/figures.js";
import { Heading } from "../parts/heading.js";
import { Panel } from "../parts/panel.js";
import { requests, together, useSamples } from "../recent.js";
import { useValue } from "../value.js";

const MINUTE = 60; // seconds

export function Page() {
  const [paused, setPaused] = useState(/** @type {any[] | null} */ (null));
  const live = useValue(requests);
  const taken = useSamples();
  const rates = useMemo(() => last(taken, 3 * MINUTE).map(together), [taken]);
  return html`
    <${Heading} title="Cache" text="What the cache says of each request as it comes, and why.">
      <button type="button" data-pause aria-pressed=${paused !== null} onClick=${() => setPaused(paused ? null : live)}>
        ${paused ? "Continue" : "Pause"} <kbd>p</kbd></button>
    <//>
    <${Numbers} rates=${last(rates, MINUTE)} live=${live} />
    <${Panel} title="Reads per second" note="the last 3 minutes" fill>
      <${Chart} samples=${rates} seconds=${3 * MINUTE} height=${140} title="Reads per second in the last 3 minutes" />
    <//>
    <${LiveRequests} rows=${paused ?? live} isPaused=${paused !== null} />
    <${CacheKeys} />`;
}

/** Return the samples of the last seconds. @param {any[]} taken @param {number} seconds */
const last = (taken, seconds) => taken.filter(({ at }) => at > taken.at(-1).at - seconds);

/** Figures of the last minute. */
function Numbers({ rates, live }) {
  const sums = sumOf(rates);
  const reads = sums.hit + sums.miss + sums.stale + sums.bypass;
  const shown = live.slice(0, 400);
  const hits = medianOf(shown.filter((/** @type {any} */ row) => row.cache === "hit"));
  const others = medianOf(shown.filter((/** @type {any} */ row) => row.cache === "miss" || row.cache === "stale"));
  const byHand = shown.filter((/** @type {any} */ row) => row.because?.code === "outside").length;
  const byWrite = shown.filter((/** @type {any} */ row) => row.because?.code === "write").length;
  return html`<${Figures} items=${[
    { name: "Hits, last minute", value: percent(reads ? sums.hit / reads : null), remark: `of ${counted(Math.round(reads), "read")}` },
    { name: "Time of a hit", value: duration(hits), remark: "half of them are faster" },
    { name: "Time of a miss", value: duration(others), remark: hits && others ? `${number(others / hits)} times a hit` : "half of them are faster" },
    { name: "Invalidated", value: number(byWrite + byHand), remark: `${number(byWrite)} by requests, ${number(byHand)} by hand` },
  ]} />`;
}

/** @param {any[]} rows */
function medianOf(rows) {
  const times = rows.map(({ ms }) => ms).sort((one, other) => one - other);
  return times.length ? times[Math.floor(times.length / 2)] : null;
}
