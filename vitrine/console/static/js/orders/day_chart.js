/** Totals by day as bars, with uPlot; a text says the same, and a table stands below. */
import { useEffect, useRef } from "preact/hooks";
import { amount, price } from "../amounts.js";
import { counted } from "../format.js";
import { html } from "../html.js";
import { keepPlot } from "../parts/chart.js";
import { dayName, secondsOf, shortDay } from "./days.js";

const HEIGHT = 180;
const DAY = 86_400; // seconds

/** @param {{days: {day: string, orders: number, total: number}[], currency: string}} props */
export function DayChart({ days, currency }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {any} */ (null));
  const data = [days.map(({ day }) => secondsOf(day)), days.map(({ total }) => total)];
  const now = useRef(data);
  now.current = data;
  useEffect(() => {
    const place = /** @type {HTMLElement} */ (box.current);
    return keepPlot(plot, place, HEIGHT, (uPlot) => newPlot(uPlot, place, now.current));
  }, []);
  useEffect(() => plot.current?.setData(data), [days]);
  return html`<div class="chart"><div class="plot" ref=${box} role="img" aria-label=${describe(days, currency)}></div></div>`;
}

/** @param {{day: string, orders: number, total: number}[]} days @param {string} currency */
function describe(days, currency) {
  const orders = days.reduce((sum, day) => sum + day.orders, 0);
  if (!orders) return "Sold by day: nothing";
  const best = days.reduce((most, day) => (day.total > most.total ? day : most));
  return `Sold by day: ${counted(orders, "order")} in ${counted(days.length, "day")}; the best day is ${dayName(best.day)} with ${price(best.total, currency)}`;
}

/** @param {any} uPlot @param {HTMLElement} box @param {number[][]} data */
function newPlot(uPlot, box, data) {
  const style = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  const axis = { stroke: colour("dim"), font: "11px system-ui, sans-serif", ticks: { show: false } };
  const area = colour("area-hit");
  return new uPlot(
    {
      width: box.clientWidth,
      height: HEIGHT,
      padding: [8, 26, 0, 0], // Half of a label may stand beside the last point.
      cursor: { show: false },
      legend: { show: false },
      scales: {
        x: { range: (/** @type {any} */ _, /** @type {number} */ from, /** @type {number} */ to) => [from - DAY / 2, to + DAY / 2] },
        y: { range: (/** @type {any} */ _, /** @type {number} */ least, /** @type {number} */ most) => [Math.min(0, least * 1.1), Math.max(1, most * 1.1)] },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 26, space: 64, incrs: [1, 2, 7, 14, 28].map((count) => count * DAY), values: (/** @type {any} */ _, /** @type {number[]} */ times) => times.map(shortDay) },
        { ...axis, grid: { stroke: colour("line"), width: 1 }, size: 56, values: (/** @type {any} */ _, /** @type {number[]} */ sums) => sums.map(amount) },
      ],
      series: [{}, { stroke: area, fill: area, width: 0, paths: uPlot.paths.bars({ size: [0.7, 40] }), points: { show: false } }],
    },
    data,
    box,
  );
}
