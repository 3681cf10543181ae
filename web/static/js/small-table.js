// Makes small tables from rows of values. Numbers are aligned and formatted in the reader's locale; nodes stay nodes.

import { shapeTable } from "./shaped-table.js";

/** @typedef {string | number | Node} Cell */

/**
 * Makes a table.
 * @param {string[]} heads
 * @param {Cell[][]} rows
 * @param {string} [empty] the text where there are no rows
 */
export function makeTable(heads, rows, empty) {
  const table = document.createElement("table");
  fillTable(table, heads, rows, empty);
  return table;
}

/**
 * Makes a cell that is sorted by another value than its text.
 * @param {string} text
 * @param {number | string | null} value
 */
export function valued(text, value) {
  const made = Object.assign(document.createElement("span"), { textContent: text });
  made.dataset.value = String(value ?? "");
  return made;
}

/**
 * Replaces the content of a table. Headings that are the same stay, with the focus that one of them may have.
 * @param {HTMLTableElement} table
 * @param {string[]} heads the column headings; an empty one is a column of buttons
 * @param {Cell[][]} rows
 * @param {string} [empty] the text where there are no rows
 */
export function fillTable(table, heads, rows, empty = "Nothing here.") {
  const numeric = heads.map((_, n) => rows.some((row) => typeof row[n] === "number"));
  const isSame = table.dataset.heads === JSON.stringify([heads, numeric]);
  table.dataset.heads = JSON.stringify([heads, numeric]);
  const head = document.createElement("tr");
  for (const [n, text] of heads.entries()) {
    const cell = document.createElement("th");
    cell.scope = "col";
    if (text) cell.textContent = text;
    else cell.innerHTML = '<span class="hidden">Action</span>';
    if (numeric[n]) cell.className = "number";
    head.append(cell);
  }
  const lines = rows.map((row) => {
    const line = document.createElement("tr");
    for (const [n, value] of row.entries()) {
      const cell = document.createElement("td");
      if (value instanceof Node) cell.append(value);
      else cell.textContent = typeof value === "number" ? value.toLocaleString() : value;
      if (typeof value === "number") cell.dataset.value = String(value);
      if (numeric[n]) cell.className = "number";
      line.append(cell);
    }
    return line;
  });
  if (!lines.length) {
    const line = document.createElement("tr");
    const cell = document.createElement("td");
    line.append(Object.assign(cell, { className: "empty", colSpan: heads.length, textContent: empty }));
    lines.push(line);
  }
  const top = document.createElement("thead");
  const body = document.createElement("tbody");
  top.append(head);
  body.append(...lines);
  if (isSame) table.tBodies[0].replaceWith(body);
  else table.replaceChildren(top, body);
  shapeTable(table);
}
