// The images found: drawn, and walked through with arrow keys.

const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/** A name as it is shown: what a page would obey instead of show becomes an escape. */
export function shown(name) {
  return name.replace(HIDDEN, char => {
    const code = char.codePointAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : code.length <= 4 ? `\\u${code.padStart(4, "0")}` : `\\U${code.padStart(8, "0")}`;
  });
}

/** The address of a thumbnail of the index that a token names. */
export function thumbnail(row, token) {
  return `/thumbnail/${row}?index=${encodeURIComponent(token)}`;
}

function element(name, kind, text) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
}

function frame(hit, token) {
  const around = element("span", "frame"), picture = element("img");
  let tries = 0;
  picture.alt = shown(hit.path);
  picture.draggable = false;
  picture.loading = "lazy";
  picture.addEventListener("error", () => {
    tries += 1;
    if (tries > 1) around.replaceChildren(element("span", "gone", "not there any more, or altered"));
    else setTimeout(() => { picture.src = `${thumbnail(hit.row, token)}&again=1`; }, 1200);
  });
  picture.src = thumbnail(hit.row, token);
  around.append(picture);
  return around;
}

function drawn(hit, token, below) {
  const item = element("li", below ? "below" : ""), button = element("button", "hit");
  const score = element("span", "score"), bar = element("span", "bar"), filled = element("i");
  const name = shown(hit.path), example = hit.similarity === undefined;
  button.type = "button";
  button.tabIndex = -1;
  button.dataset.row = hit.row;
  button.title = "search with this picture";
  button.append(frame(hit, token));
  if (example) button.setAttribute("aria-label", `Search with ${name}`);
  else {
    const similarity = hit.similarity.toFixed(3);
    button.setAttribute("aria-label", `${hit.rank}: ${name}, similarity ${similarity}${below ? ", below the threshold" : ""}. Search on with it`);
    filled.style.width = `${(100 * Math.max(0, hit.similarity)).toFixed(1)}%`;
    bar.append(filled);
    score.append(element("b", "", similarity), element("span", "", hit.rank));
    button.append(score, bar);
  }
  button.append(element("span", "name", name));
  item.append(button);
  return item;
}

/** Draw hits into a list, most similar first, with a line where the threshold lies. */
export function draw(list, hits, token, threshold) {
  const items = hits.map(hit => drawn(hit, token, threshold !== null && hit.similarity < threshold));
  const first = threshold === null ? -1 : hits.findIndex(hit => hit.similarity < threshold);
  if (threshold !== null && hits.length) {
    const line = element("li", "threshold", `threshold ${threshold.toFixed(3)}${first < 0 ? "" : ", no match below"}`);
    items.splice(first < 0 ? items.length : first, 0, line);
  }
  list.replaceChildren(...items);
  const button = list.querySelector(".hit");
  if (button) button.tabIndex = 0;
}

function beside(buttons, at, step) {
  const box = buttons[at].getBoundingClientRect();
  const rows = buttons.map((button, number) => ({ number, box: button.getBoundingClientRect() }))
    .filter(one => Math.abs(one.box.left - box.left) < 2 && (one.box.top - box.top) * step > 1);
  return rows.length ? rows[step > 0 ? 0 : rows.length - 1].number : at;
}

/** Move among the hits of a list: arrow keys, Home, End; one of them is a stop of the Tab key. */
export function walk(list) {
  const go = (buttons, to) => {
    buttons.forEach((button, number) => { button.tabIndex = number === to ? 0 : -1; });
    buttons[to].focus();
  };
  list.addEventListener("keydown", event => {
    const buttons = [...list.querySelectorAll(".hit")], at = buttons.indexOf(document.activeElement);
    if (!buttons.length || event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = {
      ArrowRight: () => Math.min(at + 1, buttons.length - 1), ArrowLeft: () => Math.max(at - 1, 0),
      ArrowDown: () => (at < 0 ? 0 : beside(buttons, at, 1)), ArrowUp: () => (at < 0 ? 0 : beside(buttons, at, -1)),
      Home: () => 0, End: () => buttons.length - 1,
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    go(buttons, moves[event.key]());
  });
}
