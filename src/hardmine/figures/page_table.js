"use strict";
// The table with the id "results" sorts by a click on a heading and filters by words; pages go on with the same names.
const find = (selector, inside = document) => inside.querySelector(selector);
const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};

const body = find("#results tbody");
const cellValue = (row, column) => {
  const { value } = row.cells[column].dataset;
  return value === undefined ? row.cells[column].textContent.trim() : value === "" ? NaN : Number(value);
};
function compared(one, two, up) {
  if (typeof one === "string") return (up ? 1 : -1) * one.localeCompare(two);
  if (Number.isNaN(one) || Number.isNaN(two)) return Number.isNaN(one) - Number.isNaN(two);
  return (up ? 1 : -1) * (one - two);
}
function sortBy(head) {
  const column = head.cellIndex;
  const words = typeof cellValue(body.rows[0], column) === "string";
  const before = head.getAttribute("aria-sort");
  const up = before ? before === "descending" : words;
  for (const other of all("#results th")) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  body.append(...[...body.rows].sort((one, two) => compared(cellValue(one, column), cellValue(two, column), up)));
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
  const counted = find("#shown");
  counted.textContent = `${left} of ${body.rows.length} ${counted.dataset.what || "runs"}`;
});
