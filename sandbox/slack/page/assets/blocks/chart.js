/** The data_visualization block as our own SVG: line, area and grouped bars over categories, and pies. */

import { h, s } from "../dom.js";

const WIDTH = 560;
const HEIGHT = 240;
const PAD = { left: 48, right: 12, top: 12, bottom: 24 };
const AXIS_NAME = 18;
const NUMBER = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const EXACT_NUMBER = new Intl.NumberFormat(undefined, { maximumFractionDigits: 3 });

/** Round steps that cover a range. @returns {number[]} */
export function ticks(low, high, count = 4) {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? rough;
  const first = Math.floor(low / step) * step;
  const found = [];
  for (let value = first; value < high + step - step * 1e-9; value += step) found.push(Number(value.toPrecision(12)));
  if (found.at(-1) < high) found.push(Number((found.at(-1) + step).toPrecision(12)));
  return found;
}

function readSeries(chart) {
  const categories =
    chart.axis_config?.categories ??
    (chart.series?.[0]?.data ?? []).map((one, index) => one.label ?? String(index + 1));
  const series = (chart.series ?? []).slice(0, 12).map((one) => ({
    name: one.name ?? "",
    values: categories.map((label, index) => {
      const point = (one.data ?? []).find((candidate) => candidate?.label === label) ?? one.data?.[index];
      const value = Number(typeof point === "object" ? point?.value : point);
      return Number.isFinite(value) ? value : null;
    }),
  }));
  return { categories, series };
}

const colour = (index) => `series-${(index % 6) + 1}`;

function frame(categories, scale, marks, axis) {
  const inner = WIDTH - PAD.left - PAD.right;
  const every = Math.ceil(categories.length / 8);
  const nodes = marks.map((value) =>
    s(
      "g",
      { class: "chart-tick" },
      s("line", { x1: PAD.left, x2: WIDTH - PAD.right, y1: scale(value), y2: scale(value) }),
      s("text", { x: PAD.left - 8, y: scale(value) + 4, "text-anchor": "end" }, NUMBER.format(value)),
    ),
  );
  const labels = categories.map((label, index) =>
    index % every
      ? null
      : s(
          "text",
          {
            class: "chart-label",
            x: PAD.left + (inner * (index + 0.5)) / categories.length,
            y: HEIGHT - PAD.bottom + 17,
            "text-anchor": "middle",
          },
          String(label).length > 12 ? `${String(label).slice(0, 11)}…` : label,
        ),
  );
  const names = [
    axis?.x_label &&
      s(
        "text",
        { class: "chart-axis", x: PAD.left + inner / 2, y: HEIGHT + AXIS_NAME - 6, "text-anchor": "middle" },
        axis.x_label,
      ),
    axis?.y_label &&
      s(
        "text",
        {
          class: "chart-axis",
          x: 0,
          y: 0,
          transform: `translate(11 ${PAD.top + (HEIGHT - PAD.top - PAD.bottom) / 2}) rotate(-90)`,
          "text-anchor": "middle",
        },
        axis.y_label,
      ),
  ];
  return [nodes, labels.filter(Boolean), names.filter(Boolean)];
}

function bars({ categories, series }, scale, at) {
  const band = ((WIDTH - PAD.left - PAD.right) / categories.length) * 0.72;
  const width = Math.max(1.5, band / series.length);
  return series.map((one, order) =>
    s(
      "g",
      { class: colour(order) },
      one.values.map((value, index) => {
        if (value === null) return null;
        const top = Math.min(scale(value), scale(0));
        return s(
          "rect",
          {
            class: "chart-bar",
            x: at(index) - band / 2 + order * width,
            y: top,
            width: Math.max(1, width - 1.5),
            height: Math.max(1, Math.abs(scale(value) - scale(0))),
            rx: 2,
          },
          s("title", {}, `${one.name} ${categories[index]}: ${EXACT_NUMBER.format(value)}`),
        );
      }),
    ),
  );
}

/** The runs of points without a gap between them. */
function stretches(values) {
  const found = [[]];
  values.forEach((value, index) => (value === null ? found.push([]) : found.at(-1).push([index, value])));
  return found.filter((one) => one.length);
}

function lines({ categories, series }, scale, at, filled) {
  return series.map((one, order) =>
    s(
      "g",
      { class: colour(order) },
      stretches(one.values).map((points) => {
        const path = points
          .map(([index, value], step) => `${step ? "L" : "M"}${at(index).toFixed(1)} ${scale(value).toFixed(1)}`)
          .join("");
        const floor = `L${at(points.at(-1)[0]).toFixed(1)} ${scale(0).toFixed(1)}L${at(points[0][0]).toFixed(1)} ${scale(0).toFixed(1)}Z`;
        return [
          filled && s("path", { class: "chart-area", d: path + floor }),
          s("path", { class: "chart-line", d: path }),
        ].filter(Boolean);
      }),
      one.values
        .map(
          (value, index) =>
            value !== null &&
            s(
              "circle",
              { class: "chart-dot", cx: at(index), cy: scale(value), r: categories.length > 30 ? 1.5 : 3 },
              s("title", {}, `${one.name} ${categories[index]}: ${EXACT_NUMBER.format(value)}`),
            ),
        )
        .filter(Boolean),
    ),
  );
}

function cartesian(chart, type) {
  const read = readSeries(chart);
  const known = read.series.flatMap((one) => one.values).filter((value) => value !== null);
  const marks = ticks(Math.min(0, ...known), Math.max(0, ...known));
  const [low, high] = [marks[0], marks.at(-1)];
  const scale = (value) => PAD.top + (HEIGHT - PAD.top - PAD.bottom) * (1 - (value - low) / (high - low || 1));
  const at = (index) =>
    PAD.left + ((WIDTH - PAD.left - PAD.right) * (index + 0.5)) / Math.max(1, read.categories.length);
  const drawn = type === "bar" ? bars(read, scale, at) : lines(read, scale, at, type === "area");
  const height = HEIGHT + (chart.axis_config?.x_label ? AXIS_NAME : 0);
  const svg = s(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${height}`, class: "chart-svg", "aria-hidden": "true" },
    frame(read.categories, scale, marks, chart.axis_config),
    drawn,
  );
  return { svg, legend: read.series.map((one) => one.name), read };
}

function pie(chart) {
  const segments = (chart.segments ?? []).filter((one) => Number(one.value) > 0).slice(0, 12);
  const total = segments.reduce((sum, one) => sum + Number(one.value), 0) || 1;
  const [radius, hole, centre] = [100, 56, 110];
  let turn = -Math.PI / 2;
  const point = (angle, distance) =>
    `${(centre + Math.cos(angle) * distance).toFixed(2)} ${(centre + Math.sin(angle) * distance).toFixed(2)}`;
  const slices = segments.map((one, order) => {
    const angle = (Number(one.value) / total) * Math.PI * 2;
    const [from, to] = [turn, turn + Math.min(angle, Math.PI * 2 - 1e-4)];
    turn += angle;
    const large = angle > Math.PI ? 1 : 0;
    return s(
      "path",
      {
        class: `chart-slice ${colour(order)}`,
        d: `M${point(from, radius)}A${radius} ${radius} 0 ${large} 1 ${point(to, radius)}L${point(to, hole)}A${hole} ${hole} 0 ${large} 0 ${point(from, hole)}Z`,
      },
      s("title", {}, `${one.label}: ${EXACT_NUMBER.format(one.value)}`),
    );
  });
  const svg = s("svg", { viewBox: "0 0 220 220", class: "chart-svg chart-pie", "aria-hidden": "true" }, slices);
  const legend = segments.map(
    (one) => `${one.label} · ${EXACT_NUMBER.format(one.value)} (${Math.round((Number(one.value) / total) * 100)}%)`,
  );
  return {
    svg,
    legend,
    read: {
      categories: segments.map((one) => one.label),
      series: [{ name: "Value", values: segments.map((one) => Number(one.value)) }],
    },
  };
}

/** The same figures as a table, which a screen reader reads instead of the drawing. */
function figures({ categories, series }, title) {
  return h(
    "table",
    { class: "visually-hidden" },
    h("caption", {}, title),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("td"),
        series.map((one) => h("th", { scope: "col" }, one.name)),
      ),
    ),
    h(
      "tbody",
      {},
      categories.map((label, index) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, label),
          series.map((one) =>
            h("td", {}, one.values[index] === null ? "no value" : EXACT_NUMBER.format(one.values[index])),
          ),
        ),
      ),
    ),
  );
}

/** @returns {HTMLElement} */
export function chart(block) {
  const body = block.chart ?? {};
  const { svg, legend, read } = body.type === "pie" ? pie(body) : cartesian(body, body.type);
  const title = typeof block.title === "object" ? block.title?.text : block.title;
  const shown = body.type === "pie" || legend.length > 1;
  return h(
    "figure",
    { class: `chart${body.type === "pie" ? " chart-round" : ""}` },
    h("figcaption", { class: "chart-title" }, title),
    h(
      "div",
      { class: "chart-body" },
      svg,
      shown &&
        h(
          "ul",
          { class: "chart-legend", "aria-hidden": "true" },
          legend.map((name, index) => h("li", { class: colour(index) }, h("i"), name)),
        ),
    ),
    figures(read, title),
  );
}
