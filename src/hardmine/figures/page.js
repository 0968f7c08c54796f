"use strict";
// The page of a report: a table that sorts and filters, charts, a gallery of neighbours, a map.
// Data come from data.js (before this script) and pictures.js (loaded when the gallery comes near).
(() => {
  const { page, recalls, curves, gallery } = window.report;
  const find = (selector, inside = document) => inside.querySelector(selector);
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };

  // ---- The table ----------------------------------------------------------------------------------------------
  const body = find("#results tbody");
  const cellValue = (row, column) => {
    const { value } = row.cells[column].dataset;
    return value === undefined ? row.cells[column].textContent.trim() : value === "" ? -Infinity : Number(value);
  };
  function sortBy(head) {
    const down = head.getAttribute("aria-sort") !== "descending";
    for (const other of all("#results th")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const compare = (one, two) => {
      const [a, b] = [cellValue(one, head.cellIndex), cellValue(two, head.cellIndex)];
      const order = typeof a === "string" ? String(b).localeCompare(a) : b - a || 0;
      return down ? order : -order;
    };
    body.append(...[...body.rows].sort(compare));
  }
  for (const button of all("#results th button")) button.addEventListener("click", () => sortBy(button.closest("th")));
  find("#filter").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      left += !row.hidden;
    }
    find("#shown").textContent = `${left} of ${body.rows.length} runs`;
  });

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
  function ticks(low, high, wanted) {
    const rough = (high - low) / wanted || 1;
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * unit).find((size) => size >= rough);
    const found = [];
    for (let value = Math.ceil(low / step) * step; value <= high + 1e-9; value += step) found.push(Math.round(value * 1e6) / 1e6);
    return found;
  }
  function chart(place, lines, axis) {
    const svg = draw("svg", { viewBox: "0 0 640 380", role: "img", "aria-label": axis.title }, place);
    const note = make("p", { class: "readout", "aria-live": "polite" });
    place.append(note);
    const [left, right, top, bottom] = [46, 628, 12, 336];
    const redraw = () => {
      svg.replaceChildren();
      const shown = page.runs.filter((run) => visible.has(run.name) && lines[run.name]);
      const points = shown.flatMap((run) => lines[run.name].y.map((y, i) => [lines[run.name].x[i], y, lines[run.name].half[i] || 0]));
      if (!points.length) {
        note.textContent = "No run is chosen.";
        return;
      }
      note.textContent = "";
      const xs = [...new Set(points.map((point) => point[0]))].sort((a, b) => a - b);
      const low = Math.max(0, Math.min(...points.map(([, y, half]) => y - half)));
      const high = Math.min(100, Math.max(...points.map(([, y, half]) => y + half)));
      const [from, to] = [Math.max(0, low - 2), Math.min(100, high + 2)];
      const scale = axis.even ? (x) => xs.indexOf(x) / Math.max(1, xs.length - 1) : (x) => x / xs[xs.length - 1];
      const across = (x) => left + scale(x) * (right - left);
      const down = (y) => bottom - ((y - from) / (to - from)) * (bottom - top);
      for (const y of ticks(from, to, 6)) {
        draw("line", { x1: left, x2: right, y1: down(y), y2: down(y), class: "grid" }, svg);
        draw("text", { x: left - 8, y: down(y) + 4, "text-anchor": "end" }, svg).textContent = y;
      }
      for (const x of axis.even ? xs : ticks(0, xs[xs.length - 1], 6)) {
        draw("text", { x: across(x), y: bottom + 18, "text-anchor": "middle" }, svg).textContent = x.toLocaleString("en");
      }
      draw("text", { x: (left + right) / 2, y: bottom + 38, "text-anchor": "middle" }, svg).textContent = axis.x;
      for (const run of shown) {
        const { x, y, half } = lines[run.name];
        const upper = y.map((value, i) => `${across(x[i])},${down(value + (half[i] || 0))}`);
        const lower = y.map((value, i) => `${across(x[i])},${down(value - (half[i] || 0))}`).reverse();
        draw("polygon", { points: [...upper, ...lower].join(" "), fill: run.colour, class: "band" }, svg);
        const path = y.map((value, i) => `${across(x[i])},${down(value)}`).join(" ");
        draw("polyline", { points: path, stroke: run.colour, "stroke-dasharray": run.dash, class: "line" }, svg);
        y.forEach((value, i) => {
          const dot = draw("circle", { cx: across(x[i]), cy: down(value), r: 3.2, fill: run.colour }, svg);
          const words = `${run.name}, ${axis.x} ${x[i].toLocaleString("en")}: ${value.toFixed(1)} %${half[i] ? ` ± ${half[i].toFixed(1)}` : ""}`;
          draw("title", {}, dot).textContent = words;
          dot.addEventListener("pointerenter", () => { note.textContent = words; });
        });
      }
    };
    charts.push(redraw);
    redraw();
  }
  const keys = find("#runs");
  for (const run of page.runs) {
    const swatch = make("span", { class: "swatch" });
    swatch.style.background = run.colour;
    const button = make("button", { type: "button", "aria-pressed": visible.has(run.name) }, swatch, run.name);
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
  chart(find("#recall-chart"), recalls, { title: "Recall at k on test classes, one line a run", x: "k", even: true });
  if (Object.keys(curves).length) {
    chart(find("#curve-chart"), curves, { title: "Recall at 1 on validation classes over training images", x: "training images" });
  } else {
    find("#curve-chart").append(make("p", {}, "Nothing was measured on validation classes during training."));
  }

  // ---- The gallery --------------------------------------------------------------------------------------------
  const unpack = (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return gallery.bytes === 2 ? new Uint16Array(bytes.buffer) : new Uint32Array(bytes.buffer);
  };
  const labels = unpack(gallery.labels);
  const queries = unpack(gallery.queries);
  const lists = {};
  const listOf = (run) => (lists[run] ??= unpack(gallery.lists[run]));
  const hits = (run, query) => {
    let right = 0;
    for (let i = 0; i < gallery.shown; i += 1) right += labels[listOf(run)[query * gallery.shown + i]] === labels[queries[query]];
    return right;
  };
  let loading;
  function pictures() {
    loading ??= new Promise((done, failed) => {
      const script = make("script", { src: "pictures.js" });
      script.addEventListener("load", () => done(window.report.pictures));
      script.addEventListener("error", failed);
      document.head.append(script);
    });
    return loading;
  }
  function picture(position, size) {
    const { edge, across, sheets } = window.report.pictures;
    const within = position % (across * across);
    const rows = Math.ceil(Math.min(across * across, gallery.count - (position - within)) / across);
    const node = make("span", { class: "picture", role: "img", "aria-label": gallery.classes[labels[position]] });
    node.title = gallery.classes[labels[position]];
    node.style.cssText = `width:${size}px;height:${size}px;background-image:url(${sheets[Math.floor(position / (across * across))]});`
      + `background-size:${across * size}px ${rows * size}px;`
      + `background-position:-${(within % across) * size}px -${Math.floor(within / across) * size}px;`
      + (edge < size ? "image-rendering:pixelated" : "");
    return node;
  }
  const controls = Object.fromEntries(["first", "second", "class", "order"].map((name) => [name, find(`#gallery-${name}`)]));
  for (const run of page.runs) {
    controls.first.append(make("option", { value: run.name }, run.name));
    controls.second.append(make("option", { value: run.name }, run.name));
  }
  gallery.classes.forEach((name, number) => controls.class.append(make("option", { value: number }, name)));
  controls.first.value = page.best;
  controls.second.value = page.best === page.baseline ? "" : page.baseline;
  let count = 8;
  function strip(run, query) {
    const line = make("div", { class: "strip" }, make("span", { class: "name" }, run));
    for (let i = 0; i < gallery.shown; i += 1) {
      const position = listOf(run)[query * gallery.shown + i];
      const right = labels[position] === labels[queries[query]];
      const words = `${i + 1}: ${gallery.classes[labels[position]]}, ${right ? "right" : "wrong"}`;
      line.append(make("figure", { class: right ? "right" : "wrong", title: words }, picture(position, 56), make("figcaption", {}, right ? "✓" : "✗")));
    }
    return line;
  }
  async function showGallery() {
    const place = find("#gallery-rows");
    await pictures();
    const [first, second, chosen] = [controls.first.value, controls.second.value, controls.class.value];
    const numbers = [...queries.keys()].filter((query) => chosen === "" || labels[queries[query]] === Number(chosen));
    const score = Object.fromEntries(numbers.map((query) => [query, hits(first, query)]));
    const gap = (query) => hits(second, query) - score[query];
    if (controls.order.value === "hard") numbers.sort((a, b) => score[a] - score[b] || a - b);
    if (controls.order.value === "differ" && second) numbers.sort((a, b) => Math.abs(gap(b)) - Math.abs(gap(a)) || a - b);
    place.replaceChildren(...numbers.slice(0, count).map((query) => {
      const side = make("figure", { class: "query" }, picture(queries[query], 64), make("figcaption", {}, gallery.classes[labels[queries[query]]]));
      return make("article", {}, side, make("div", { class: "strips" }, strip(first, query), ...(second ? [strip(second, query)] : [])));
    }));
    const more = find("#gallery-more");
    more.hidden = numbers.length <= count;
    find("#gallery-count").textContent = `${Math.min(count, numbers.length)} of ${numbers.length} queries`;
  }
  for (const control of Object.values(controls)) control.addEventListener("change", () => { count = 8; showGallery(); });
  find("#gallery-more").addEventListener("click", () => { count += 24; showGallery(); });

  // ---- The map ------------------------------------------------------------------------------------------------
  const canvas = find("#map");
  const mapRun = find("#map-run");
  for (const run of Object.keys(gallery.maps)) mapRun.append(make("option", { value: run }, run));
  let near = -1;
  const hue = (label) => `hsl(${(label * 137.508) % 360} 65% 50%)`;
  function showMap() {
    const { points, x, y } = gallery.maps[mapRun.value];
    const side = canvas.clientWidth || 640;
    const sharp = window.devicePixelRatio || 1;
    canvas.width = canvas.height = side * sharp;
    const pen = canvas.getContext("2d");
    pen.scale(sharp, sharp);
    const spot = (i) => [12 + (x[i] / 1000) * (side - 24), 12 + (y[i] / 1000) * (side - 24)];
    points.forEach((position, i) => {
      const kin = near >= 0 && labels[position] === labels[points[near]];
      pen.globalAlpha = near < 0 || kin ? 0.9 : 0.25;
      pen.fillStyle = hue(labels[position]);
      pen.beginPath();
      pen.arc(...spot(i), kin ? 6 : 3.5, 0, 2 * Math.PI);
      pen.fill();
    });
    canvas.dataset.points = points.length;
  }
  async function point(event) {
    const { points, x, y } = gallery.maps[mapRun.value];
    const box = canvas.getBoundingClientRect();
    const [h, v] = [event.clientX - box.left - 12, event.clientY - box.top - 12].map((value) => (value / (box.width - 24)) * 1000);
    let least = 900;
    near = -1;
    points.forEach((_, i) => {
      const distance = (x[i] - h) ** 2 + (y[i] - v) ** 2;
      if (distance < least) [least, near] = [distance, i];
    });
    showMap();
    const note = find("#map-note");
    if (near < 0) {
      note.replaceChildren("Point at a dot to see its picture and its class.");
      return;
    }
    await pictures();
    note.replaceChildren(picture(points[near], 64), ` class ${gallery.classes[labels[points[near]]]}`);
  }
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerdown", point);
  mapRun.addEventListener("change", () => { near = -1; showMap(); });
  window.addEventListener("resize", showMap);
  showMap();

  new IntersectionObserver((entries, watcher) => {
    if (entries.some((entry) => entry.isIntersecting)) {
      watcher.disconnect();
      showGallery();
    }
  }, { rootMargin: "600px" }).observe(find("#gallery"));
  document.documentElement.dataset.ready = "yes";
})();
