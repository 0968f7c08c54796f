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
    script.addEventListener("error", () => failed(new Error("pictures.js beside this page cannot be read")));
    document.head.append(script);
  });
  return loading;
}
const addresses = [];
function addressOf(sheet) {
  if (!addresses[sheet]) {
    const bytes = Uint8Array.from(atob(window.report.pictures.sheets[sheet]), (letter) => letter.charCodeAt(0));
    addresses[sheet] = URL.createObjectURL(new Blob([bytes], { type: "image/webp" }));
  }
  return addresses[sheet];
}
function picture(position, size) {
  const { edge, across } = window.report.pictures;
  const within = position % (across * across);
  const rows = Math.ceil(Math.min(across * across, gallery.count - (position - within)) / across);
  const node = make("span", { class: "picture", role: "img", "aria-label": gallery.classes[labels[position]] });
  node.style.cssText = `width:${size}px;height:${size}px;background-image:url(${addressOf(Math.floor(position / (across * across)))});`
    + `background-size:${across * size}px ${rows * size}px;`
    + `background-position:-${(within % across) * size}px -${Math.floor(within / across) * size}px;`
    + (edge <= 32 ? "image-rendering:pixelated" : "");
  return node;
}
const controls = Object.fromEntries(["first", "second", "class", "order"].map((name) => [name, find(`#gallery-${name}`)]));
for (const run of page.runs) {
  controls.first.append(make("option", { value: run.name }, run.name));
  controls.second.append(make("option", { value: run.name }, run.name));
}
for (const label of [...new Set([...queries].map((position) => labels[position]))].sort((a, b) => a - b)) {
  controls.class.append(make("option", { value: label }, gallery.classes[label]));
}
controls.first.value = page.best;
controls.second.value = page.best === page.baseline ? "" : page.baseline;
let count = 8;
const edgeShown = () => (window.innerWidth > 1100 ? 76 : 56);
function strip(run, query) {
  const line = make("div", { class: "strip" }, make("span", { class: "name" }, run));
  for (let i = 0; i < gallery.shown; i += 1) {
    const position = listOf(run)[query * gallery.shown + i];
    const right = labels[position] === labels[queries[query]];
    const verdict = right ? "right" : "wrong";
    const mark = make("figcaption", {}, make("span", { "aria-hidden": "true" }, right ? "✓" : "✗"), make("span", { class: "spoken" }, verdict));
    const title = `${i + 1}: ${gallery.classes[labels[position]]}, ${verdict}`;
    line.append(make("figure", { class: verdict, title }, picture(position, edgeShown()), mark));
  }
  return line;
}
async function showGallery() {
  const place = find("#gallery-rows");
  try {
    await pictures();
  } catch (error) {
    place.textContent = `No pictures: ${error.message}.`;
    return;
  }
  const [first, second, chosen] = [controls.first.value, controls.second.value, controls.class.value];
  const numbers = [...queries.keys()].filter((query) => chosen === "" || labels[queries[query]] === Number(chosen));
  const order = controls.order.value;
  if (order === "hard" || (order === "differ" && second)) {
    const rank = new Map(numbers.map((query) => [query, order === "hard" ? hits(first, query) : -Math.abs(hits(second, query) - hits(first, query))]));
    numbers.sort((a, b) => rank.get(a) - rank.get(b) || a - b);
  }
  place.replaceChildren(...numbers.slice(0, count).map((query) => {
    const side = make("figure", { class: "query" }, picture(queries[query], Math.max(64, edgeShown())), make("figcaption", {}, gallery.classes[labels[queries[query]]]));
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
const mapNote = find("#map-note");
const HELP = mapNote.textContent;
for (const run of Object.keys(gallery.maps)) mapRun.append(make("option", { value: run }, run));
let near = -1;
const hue = (label) => `hsl(${(label * 137.508) % 360} 65% ${[42, 55, 68][label % 3]}%)`;
function showMap() {
  const { points, x, y } = gallery.maps[mapRun.value];
  const side = canvas.clientWidth || 640;
  const sharp = window.devicePixelRatio || 1;
  canvas.width = canvas.height = side * sharp;
  const pen = canvas.getContext("2d");
  pen.scale(sharp, sharp);
  const dot = (i, radius) => {
    pen.beginPath();
    pen.arc(12 + (x[i] / 1000) * (side - 24), 12 + (y[i] / 1000) * (side - 24), radius, 0, 2 * Math.PI);
  };
  points.forEach((position, i) => {
    const kin = near >= 0 && labels[position] === labels[points[near]];
    pen.globalAlpha = near < 0 || kin ? 0.9 : 0.25;
    pen.fillStyle = hue(labels[position]);
    dot(i, kin ? 6 : 3.5);
    pen.fill();
  });
  if (near >= 0) {
    pen.globalAlpha = 1;
    pen.strokeStyle = getComputedStyle(canvas).color;
    pen.lineWidth = 2;
    dot(near, 9);
    pen.stroke();
  }
  canvas.dataset.points = points.length;
}
async function choosePoint(index) {
  if (index === near) return;
  near = index;
  showMap();
  if (near < 0) {
    mapNote.replaceChildren(HELP);
    return;
  }
  const position = gallery.maps[mapRun.value].points[near];
  await pictures();
  if (index === near) mapNote.replaceChildren(picture(position, 64), `class ${gallery.classes[labels[position]]}`);
}
function pointAt(event) {
  const { points, x, y } = gallery.maps[mapRun.value];
  const box = canvas.getBoundingClientRect();
  const [h, v] = [event.clientX - box.left - 12, event.clientY - box.top - 12].map((value) => (value / (box.width - 24)) * 1000);
  const far = (i) => (x[i] - h) ** 2 + (y[i] - v) ** 2;
  const nearest = points.reduce((best, _, i) => (best < 0 || far(i) < far(best) ? i : best), -1);
  choosePoint(nearest >= 0 && far(nearest) < 900 ? nearest : -1);
}
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
function walk(event) {
  const { points, x, y } = gallery.maps[mapRun.value];
  if (event.key === "Escape") choosePoint(-1);
  const way = ARROWS[event.key];
  if (!way || !points.length) return;
  event.preventDefault();
  if (near < 0) {
    choosePoint(0);
    return;
  }
  let [next, least] = [near, Infinity];
  points.forEach((_, i) => {
    const [dx, dy] = [x[i] - x[near], y[i] - y[near]];
    const along = dx * way[0] + dy * way[1];
    const aside = Math.abs(dx * way[1]) + Math.abs(dy * way[0]);
    if (along > 0 && aside <= along && along + aside < least) [next, least] = [i, along + aside];
  });
  choosePoint(next);
}
canvas.addEventListener("pointermove", pointAt);
canvas.addEventListener("pointerdown", pointAt);
canvas.addEventListener("keydown", walk);
mapRun.addEventListener("change", () => {
  choosePoint(-1);
  showMap();
});
let resized;
window.addEventListener("resize", () => {
  cancelAnimationFrame(resized);
  resized = requestAnimationFrame(() => [showMap, ...charts].forEach((redraw) => redraw()));
});
showMap();
const watcher = new IntersectionObserver((entries) => {
  if (!entries.some((entry) => entry.isIntersecting)) return;
  watcher.disconnect();
  showGallery();
}, { rootMargin: "600px" });
watcher.observe(find("#gallery"));
document.documentElement.dataset.ready = "yes";
