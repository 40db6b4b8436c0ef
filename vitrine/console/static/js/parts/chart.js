/** Reads a second by verdict, stacked, with uPlot; a text beside it says the same. */
import { useEffect, useRef } from "preact/hooks";
import { counted, percent } from "../format.js";
import { html } from "../html.js";

/** @typedef {{at: number, seconds: number, hit: number, miss: number, stale: number, bypass: number}} Sample */

const KINDS = /** @type {const} */ (["hit", "miss", "stale", "bypass"]);
const WORDS = { hit: "hit", miss: "miss", stale: "stale", bypass: "not asked" };
const DARK = matchMedia("(prefers-color-scheme: dark)");

/**
 * Keep a plot in its place: as wide as it, and in the colours of the theme. uPlot fails in a browser that names an unknown
 * language; the text beside the plot says the same then.
 * @param {{current: any}} plot  where the plot is, once uPlot is there
 * @param {HTMLElement} place
 * @param {number} height
 * @param {(uPlot: any) => any} make
 * @returns {() => void} the end
 */
export function keepPlot(plot, place, height, make) {
  let isOver = false;
  let draw = () => {};
  const sizes = new ResizeObserver(() => plot.current?.setSize({ width: place.clientWidth, height }));
  import("uplot").then(
    ({ default: uPlot }) => {
      if (isOver) return;
      draw = () => {
        plot.current?.destroy();
        plot.current = make(uPlot);
      };
      draw();
      sizes.observe(place);
      DARK.addEventListener("change", draw);
    },
    () => {},
  );
  return () => {
    isOver = true;
    sizes.disconnect();
    DARK.removeEventListener("change", draw);
    plot.current?.destroy();
    plot.current = null;
  };
}

/**
 * @param {{samples: Sample[], seconds: number, height?: number, title: string}} props
 *   `seconds` is the length of the time axis
 */
export function Chart({ samples, seconds, height = 160, title }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {any} */ (null));
  useEffect(() => {
    const place = /** @type {HTMLElement} */ (box.current);
    return keepPlot(plot, place, height, (uPlot) => {
      const made = newPlot(uPlot, place, height, () => {
        const end = endOf(samplesNow.current);
        return [end - secondsNow.current, end];
      });
      made.setData(stacked(samplesNow.current, secondsNow.current));
      return made;
    });
  }, [height]);
  const samplesNow = useRef(samples);
  const secondsNow = useRef(seconds);
  samplesNow.current = samples;
  secondsNow.current = seconds;
  useEffect(() => plot.current?.setData(stacked(samples, seconds)), [samples, seconds]);
  const sums = sumOf(samples);
  const all = KINDS.reduce((sum, kind) => sum + sums[kind], 0);
  return html`<div class="chart">
    <div class="plot" ref=${box} role="img" aria-label=${`${title}: ${describe(sums, all)}`}></div>
    <ul class="legend" aria-hidden="true">${KINDS.map((kind) => html`<li>
      <span class="swatch ${kind}"></span>${WORDS[kind]} <span class="number">${percent(all ? sums[kind] / all : null)}</span>
    </li>`)}</ul>
  </div>`;
}

/** Return the numbers of reads in some samples, which are rates. @param {Sample[]} samples */
export function sumOf(samples) {
  const sums = { hit: 0, miss: 0, stale: 0, bypass: 0 };
  for (const sample of samples) for (const kind of KINDS) sums[kind] += sample[kind] * sample.seconds;
  return sums;
}

/** @param {ReturnType<typeof sumOf>} sums @param {number} all */
function describe(sums, all) {
  if (!all) return "no reads";
  return `${counted(Math.round(all), "read")}; ${KINDS.map((kind) => `${WORDS[kind]} ${percent(sums[kind] / all)}`).join(", ")}`;
}

const endOf = (/** @type {Sample[]} */ samples) => samples.at(-1)?.at ?? Date.now() / 1000;

/** Return the columns of the plot, each series on top of those before it. */
function stacked(/** @type {Sample[]} */ samples, /** @type {number} */ seconds) {
  const end = endOf(samples);
  const points = withGaps(samples.filter((sample) => sample.at > end - seconds));
  let below = points.map(() => 0);
  const columns = KINDS.map((kind) => (below = below.map((sum, at) => sum + points[at][kind])));
  return [points.map(({ at }) => at), ...columns.reverse()];
}

/** Put a zero before each sample that follows a pause: nothing is known of the pause. */
const withGaps = (/** @type {Sample[]} */ samples) =>
  samples.flatMap((sample, at) => {
    const start = sample.at - sample.seconds;
    const isNext = at && start - samples[at - 1].at < 1;
    return isNext ? [sample] : [{ at: start, seconds: 0, hit: 0, miss: 0, stale: 0, bypass: 0 }, sample];
  });

/** @param {any} uPlot @param {HTMLElement} box @param {number} height @param {() => number[]} times  the ends of the time axis */
function newPlot(uPlot, box, height, times) {
  const style = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  const area = uPlot.paths.stepped({ align: -1 });
  const font = "11px system-ui, sans-serif";
  const axis = { stroke: colour("dim"), font, ticks: { show: false } };
  return new uPlot(
    {
      width: box.clientWidth,
      height,
      padding: [8, 26, 0, 0], // Half of a label may stand beside the last point.
      cursor: { show: false },
      legend: { show: false },
      scales: { x: { range: times }, y: { range: (/** @type {any} */ _, /** @type {number} */ __, /** @type {number} */ most) => [0, Math.max(5, most * 1.1)] } },
      axes: [
        { ...axis, grid: { show: false }, size: 26, space: 80, values: clocks },
        { ...axis, grid: { stroke: colour("line"), width: 1 }, size: 46, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000] },
      ],
      series: [{}, ...[...KINDS].reverse().map((kind) => ({
        stroke: colour(`area-${kind}`), fill: colour(`area-${kind}`), width: 0, paths: area, points: { show: false } }))],
    },
    [[], [], [], [], []],
    box,
  );
}

/** @param {any} _ @param {number[]} times */
const clocks = (_, times) =>
  times.map((at) => new Date(at * 1000).toLocaleTimeString("en-GB", times[1] - times[0] < 60 ? undefined : { hour: "2-digit", minute: "2-digit" }));
