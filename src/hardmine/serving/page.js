// The page: what is searched with, the filters, and the way back. Nothing is asked of any other server.

import { draw, shown, thumbnail, walk } from "./page_results.js";

const $ = id => document.getElementById(id);
const COUNTS = [10, 20, 50, 100, 200];
const queries = [];  // all so far: {file} or {row, path, token}
let about = null, at = -1, answer = null, token = "", asking = null;

async function ask(address, options) {
  const response = await fetch(address, options);
  const content = await response.json().catch(() => ({ error: `the server answered ${response.status}` }));
  if (!response.ok) throw Object.assign(new Error(content.error), { status: response.status });
  return { content, token: response.headers.get("Hardmine-Index") };
}

function complain(error) {
  const lost = error instanceof TypeError;
  $("fault").textContent = shown(lost ? "The server does not answer. Is 'hardmine serve' still running?" : sentence(error.message));
  $("fault").hidden = false;
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

async function look() {
  try {
    const found = await ask("/about");
    about = { ...found.content, token: found.token };
    $("index").textContent = shown(about.index);
    document.title = `${shown(about.index)} · search · hardmine`;
    $("about").textContent = `${about.images.toLocaleString("en")} images. Similarity: cosine of the embeddings, 1 at most.`
      + (about.threshold === null ? "" : ` A match has ${about.threshold.toFixed(3)} or more: ${shown(about.reason)}.`);
    $("class-field").hidden = !about.classes;
    $("folder-field").hidden = !about.folders;
    if (!$("count").options.length) {
      for (const count of [...new Set([...COUNTS, about.k])].sort((one, other) => one - other)) {
        $("count").add(new Option(count, count, count === about.k, count === about.k));
      }
    }
  } catch (error) { complain(error); }
}

function preview(query) {
  const picture = $("picture"), full = query !== undefined;
  if (picture.src.startsWith("blob:")) URL.revokeObjectURL(picture.src);
  picture.hidden = !full;
  document.querySelector(".query").classList.toggle("asked", full);
  $("choose").classList.toggle("full", full);
  $("invite").firstElementChild.textContent = full ? "Change" : "Choose a picture";
  $("query-name").textContent = !full ? "No picture yet" : shown(query.file ? query.file.name || "picture" : query.path);
  $("query-note").textContent = !full ? "What it shows is looked for in the index." : query.file ? "query" : "query, an image of the index";
  if (full) picture.src = query.file ? URL.createObjectURL(query.file) : thumbnail(query.row, query.token);
  else picture.removeAttribute("src");
}

function show() {
  if (!answer) { start(); return; }
  const least = $("least").value === "" ? -Infinity : Number($("least").value);
  const hits = answer.hits.filter(hit => hit.similarity >= least), threshold = answer.threshold;
  draw($("results"), hits, token, threshold);
  const matches = threshold === null ? 0 : hits.filter(hit => hit.similarity >= threshold).length;
  $("verdict").hidden = threshold === null;
  $("verdict").classList.toggle("none", matches === 0);
  $("verdict").textContent = matches === 0 ? "no match" : `${matches} ${matches === 1 ? "match" : "matches"}`;
  const few = hits.length ? `${hits.length === 1 ? "The most similar image" : `The ${hits.length} most similar images`}: ${hits[0].similarity.toFixed(3)}`
    + (hits.length > 1 ? ` to ${hits.at(-1).similarity.toFixed(3)}` : "") : "No image passes the filters.";
  const all = threshold !== null && hits.length && matches === 0 ? `Nothing is as similar as ${threshold.toFixed(3)}. ` : "";
  $("status").textContent = all + few;
}

/** Without an answer: before the first search, and where the index has changed, some images of it to begin with. */
function start(changed = false) {
  const examples = (at < 0 || changed) && about ? about.examples : [];
  token = about?.token ?? "";
  $("verdict").hidden = true;
  $("status").textContent = examples.length ? "Choose a picture, or begin with one of these." : "";
  draw($("results"), examples, token, null);
}

async function search(from) {
  const query = queries[at];
  if (!query) return;
  asking?.abort();
  const mine = asking = new AbortController();
  $("fault").hidden = true;
  $("results").setAttribute("aria-busy", "true");
  $("status").textContent = "searching…";
  try {
    if (!about) await look();
    if (!about) throw null;
    const wishes = new URLSearchParams({ k: $("count").value, class: $("class").value, folder: $("folder").value });
    if (query.file && query.file.size > about.largest) throw new Error(`the file is larger than ${about.largest / 2 ** 20} MiB, the most that is taken`);
    if (!query.file) { wishes.set("row", query.row); wishes.set("index", query.token); }
    const options = { signal: mine.signal, ...(query.file ? { method: "POST", body: query.file, headers: { "Content-Type": "application/octet-stream" } } : {}) };
    const found = await ask(`/search?${wishes}`, options);
    if (token && found.token !== token) look();
    answer = found.content;
    token = found.token;
  } catch (error) {
    if (mine.signal.aborted) return;
    answer = null;
    if (error?.status === 409) await look();
    if (error) complain(error);
    $("results").removeAttribute("aria-busy");
    start(error?.status === 409);
    return;
  }
  $("results").removeAttribute("aria-busy");
  show();
  if (from === "hit") $("results").querySelector(".hit")?.focus({ preventScroll: true });
}

function begin(query, from) {
  queries.splice(at + 1);
  queries.push(query);
  at = queries.length - 1;
  history.pushState({ at }, "");
  preview(query);
  scrollTo(0, 0);
  search(from);
}

function take(files) {
  if (files.length) begin({ file: files[0] });
}

function later(work, milliseconds) {
  let waiting;
  return () => { clearTimeout(waiting); waiting = setTimeout(work, milliseconds); };
}

function suggest(id, list) {
  const field = $(id);
  const fill = async () => {
    const found = await ask(`/names?${new URLSearchParams({ of: id, text: field.value })}`).catch(() => null);
    if (found) $(list).replaceChildren(...found.content.map(name => new Option(shown(name), name)));
  };
  field.addEventListener("focus", fill);
  field.addEventListener("input", later(fill, 120));
  field.addEventListener("input", later(search, 350));
}

function listen() {
  $("choose").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => { take($("file").files); $("file").value = ""; });
  document.addEventListener("paste", event => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    take(event.clipboardData.files);
  });
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, event => { event.preventDefault(); document.body.classList.add("dragging"); });
  }
  document.addEventListener("dragleave", event => { if (!event.relatedTarget) document.body.classList.remove("dragging"); });
  document.addEventListener("drop", event => {
    event.preventDefault();
    document.body.classList.remove("dragging");
    if (event.dataTransfer.files.length) take(event.dataTransfer.files);
    else complain(new Error("this is no file: save the picture first, then drop or choose it"));
  });
  $("results").addEventListener("click", event => {
    const button = event.target.closest(".hit");
    const hit = button && (answer?.hits ?? about.examples).find(one => String(one.row) === button.dataset.row);
    if (hit) begin({ row: hit.row, path: hit.path, token }, "hit");
  });
  document.addEventListener("keydown", event => {
    if (event.key !== "Escape") return;
    if (event.target.matches("#filters input") && event.target.value) { event.target.value = ""; event.target.dispatchEvent(new Event("input")); } else $("choose").focus();
  });
  $("filters").addEventListener("submit", event => { event.preventDefault(); search(); });
  $("filters").addEventListener("reset", () => setTimeout(search));
  $("count").addEventListener("change", () => search());
  $("least").addEventListener("input", show);
  addEventListener("popstate", event => {
    at = queries[event.state?.at] ? event.state.at : -1;
    answer = null;
    preview(queries[at]);
    if (queries[at]) search(); else show();
  });
  $("picture").addEventListener("error", () => { $("picture").hidden = true; });
  suggest("class", "classes");
  suggest("folder", "folders");
  walk($("results"));
}

history.replaceState({ at }, "");
listen();
$("more").open = matchMedia("(min-width: 44.01rem)").matches;
look().then(() => { if (at < 0) start(); document.documentElement.dataset.ready = "yes"; });
