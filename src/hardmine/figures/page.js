// The page of a report, after page_table.js: charts. page_gallery.js goes on with the same names.
// Data come from data.js (before this script) and pictures.js (loaded when the gallery comes near).
const { page, recalls, curves, gallery } = window.report;

// ---- Charts -------------------------------------------------------------------------------------------------
const SVG = "http://www.w3.org/2000/svg";
const draw = (tag, attributes, parent) => {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent.append(node);
  return node;
};
const visible = new Set(page.chosen);
const charts = [];
const HINT = "Point at a line to read its values.";
function ticks(low, high, wanted) {
  const rough = (high - low) / wanted || 1;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((size) => size >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + 1e-9; value += step) found.push(Math.round(value * 1e6) / 1e6);
  return found;
}
function chart(place, lines, axis) {
  const svg = draw("svg", { role: "img", "aria-label": axis.title }, place);
  const note = make("p", { class: "readout", "aria-live": "polite" });
  place.append(note);
  let spots = [];
  const redraw = () => {
    svg.replaceChildren();
    note.textContent = axis.hint;
    const shown = page.runs.filter((run) => visible.has(run.name) && lines[run.name]);
    const points = shown.flatMap((run) => {
      const { x, y, half } = lines[run.name];
      return y.map((value, i) => ({ run, x: x[i], y: value, half: half[i] || 0 })).filter((point) => point.y !== null);
    });
    spots = [];
    if (!points.length) {
      note.textContent = "No run is chosen.";
      return;
    }
    const width = Math.max(280, Math.round(svg.clientWidth || 560));
    const height = Math.round(Math.min(380, Math.max(250, width * 0.6)));
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const [left, right, top, bottom] = [52, width - 14, 14, height - 46];
    const xs = [...new Set(points.map((point) => point.x))].sort((a, b) => a - b);
    const from = Math.max(0, Math.min(...points.map((point) => point.y - point.half)) - 2);
    const to = Math.min(100, Math.max(...points.map((point) => point.y + point.half)) + 2);
    const scale = axis.even ? (x) => xs.indexOf(x) / Math.max(1, xs.length - 1) : (x) => x / xs[xs.length - 1];
    const across = (x) => left + scale(x) * (right - left);
    const down = (y) => bottom - ((Math.min(to, Math.max(from, y)) - from) / (to - from)) * (bottom - top);
    for (const y of ticks(from, to, height / 45)) {
      draw("line", { x1: left, x2: right, y1: down(y), y2: down(y), class: "grid" }, svg);
      draw("text", { x: left - 8, y: down(y) + 4, "text-anchor": "end" }, svg).textContent = `${y} %`;
    }
    for (const x of axis.even ? xs : ticks(0, xs[xs.length - 1], width / 110)) {
      draw("text", { x: across(x), y: bottom + 18, "text-anchor": "middle" }, svg).textContent = x.toLocaleString("en");
    }
    draw("text", { x: (left + right) / 2, y: bottom + 38, "text-anchor": "middle" }, svg).textContent = axis.x;
    for (const run of shown) {
      const own = points.filter((point) => point.run === run);
      const group = draw("g", { style: `--run:${run.colour}`, "data-run": run.name }, svg);
      const path = (sign) => own.map((point) => `${across(point.x)},${down(point.y + sign * point.half)}`);
      draw("polygon", { points: [...path(1), ...path(-1).reverse()].join(" "), class: "band" }, group);
      draw("polyline", { points: path(0).join(" "), "stroke-dasharray": run.dash, class: "line" }, group);
      for (const point of own) {
        const [cx, cy] = [across(point.x), down(point.y)];
        const interval = point.half ? ` ± ${point.half.toFixed(1)}` : "";
        const words = `${run.name}, ${axis.x} ${point.x.toLocaleString("en")}: ${point.y.toFixed(1)}${interval} %`;
        const dot = draw("circle", { cx, cy, r: 3.2 }, group);
        draw("title", {}, dot).textContent = words;
        spots.push({ cx, cy, dot, words });
      }
    }
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const far = ({ cx, cy }) => Math.hypot(event.clientX - box.left - cx, event.clientY - box.top - cy);
    const nearest = spots.reduce((best, spot) => (!best || far(spot) < far(best) ? spot : best), null);
    const found = nearest && far(nearest) < 40 ? nearest : null;
    for (const spot of spots) spot.dot.setAttribute("r", spot === found ? 6 : 3.2);
    if (found) note.textContent = found.words;
  });
  charts.push(redraw);
  redraw();
}
const keys = find("#runs");
for (const run of page.runs) {
  const button = make("button", { type: "button", "aria-pressed": visible.has(run.name), style: `--run:${run.colour}` });
  const sample = draw("svg", { viewBox: "0 0 26 8", class: "sample", "aria-hidden": "true" }, button);
  draw("line", { x1: 0, x2: 26, y1: 4, y2: 4, "stroke-dasharray": run.dash, class: "line" }, sample);
  button.append(run.name);
  button.addEventListener("click", () => {
    visible[visible.has(run.name) ? "delete" : "add"](run.name);
    button.setAttribute("aria-pressed", visible.has(run.name));
    charts.forEach((redraw) => redraw());
  });
  keys.append(button);
}
const choose = (names) => {
  visible.clear();
  names.forEach((name) => visible.add(name));
  for (const button of all("button", keys)) button.setAttribute("aria-pressed", visible.has(button.textContent));
  charts.forEach((redraw) => redraw());
};
find("#all-runs").addEventListener("click", () => choose(page.runs.map((run) => run.name)));
find("#no-runs").addEventListener("click", () => choose([]));
chart(find("#recall-chart"), recalls, { title: "Recall at k on test classes, one line a run", x: "k", even: true, hint: HINT });
if (Object.keys(curves).length) {
  chart(find("#curve-chart"), curves, { title: "Recall at 1 on validation classes over training images", x: "training images", hint: HINT });
} else {
  find("#curve-chart").append(make("p", {}, "Nothing was measured on validation classes during training."));
}
