// Tables whose rows are all on the page: a person sorts them by a heading, and changes the widths of their columns. Both
// are kept for the person. A table with `data-shape="NAME"` takes part. A cell with `data-value` is sorted by that.

import { ColumnWidths } from "./column-widths.js";
import { elements } from "./dom.js";
import { addSortButton, inOrder, nextOrder, showOrder } from "./row-order.js";
import { TableShape } from "./table-shape.js";

/** @type {WeakMap<HTMLTableElement, ShapedTable>} */
const shaped = new WeakMap();
/** @type {WeakMap<HTMLTableRowElement, number>} where a row stands in the table's own order */
const ranks = new WeakMap();
let ranked = 0;

class ShapedTable {
  /** @param {HTMLTableElement} table */
  constructor(table) {
    this.table = table;
    this.shape = new TableShape(table.dataset.shape ?? "", () => this.show());
    this.widths = new ColumnWidths(this.shape, () => this.showReset());
    this.reset = document.createElement("button");
    this.reset.type = "button";
    this.reset.className = "quiet reset-shape";
    this.reset.textContent = "Reset columns";
    this.reset.title = "The usual widths and order of this table";
    this.reset.addEventListener("click", () => {
      this.shape.reset();
      this.show();
      elements(".sort", table, "button")[0]?.focus();
    });
    (table.closest(".scroll") ?? table).after(this.reset);
  }

  get heads() {
    return [...(this.table.tHead?.rows[0]?.cells ?? [])];
  }

  /** Prepares new headings and rows, and shows the person's widths and order. */
  show() {
    for (const cell of this.heads) if (!cell.dataset.column && !cell.querySelector(".hidden")) this.prepare(cell);
    for (const cell of this.heads) {
      const { column } = cell.dataset;
      if (column === undefined) continue;
      this.widths.show(cell, column);
      showOrder(cell, column, this.shape.shape.order);
    }
    this.sort();
    this.showReset();
  }

  /** @param {HTMLTableCellElement} cell */
  prepare(cell) {
    const label = cell.textContent?.trim() ?? "";
    cell.dataset.column = label;
    cell.replaceChildren();
    addSortButton(cell, label, label, () => {
      this.shape.change({ order: nextOrder(this.shape.shape.order, label) });
      this.show();
    });
    this.widths.apply(cell, label, label);
  }

  sort() {
    const { order } = this.shape.shape;
    const body = this.table.tBodies[0];
    const before = [...(body?.rows ?? [])];
    if (before.some((row) => row.querySelector("td.empty"))) return;
    for (const row of before) {
      if (!ranks.has(row)) ranks.set(row, ranked++);
    }
    const own = before.toSorted((row, other) => (ranks.get(row) ?? 0) - (ranks.get(other) ?? 0));
    const at = this.heads.findIndex((cell) => cell.dataset.column === order?.replace(/^-/, ""));
    const rows = at < 0 ? own : inOrder(own, (row) => sortValue(row.cells[at]), !order?.startsWith("-"));
    if (rows.some((row, n) => row !== before[n])) body.append(...rows);
  }

  showReset() {
    this.reset.hidden = this.shape.isPlain || this.table.hidden;
  }
}

/**
 * Returns what a cell is sorted by: its `data-value`, its time, its choice, its number or its text.
 * @param {HTMLTableCellElement | undefined} cell
 */
function sortValue(cell) {
  const given = cell?.dataset.value ?? cell?.querySelector("[data-value]")?.getAttribute("data-value");
  const time = cell?.querySelector("time")?.getAttribute("datetime");
  const choice = cell?.querySelector("select")?.selectedOptions[0]?.text;
  const text = given ?? time ?? choice ?? cell?.textContent?.trim() ?? "";
  return /^-?[\d,]*\.?\d+$/.test(text) ? Number(text.replaceAll(",", "")) : text;
}

/**
 * Shows a table as the person shaped it. Call it again when its rows or headings are new.
 * @param {HTMLTableElement} table
 */
export function shapeTable(table) {
  if (!table.dataset.shape) return;
  let known = shaped.get(table);
  if (known?.shape.name !== table.dataset.shape) {
    known?.reset.remove();
    known = new ShapedTable(table);
    shaped.set(table, known);
  }
  known.show();
}

/** Shows the tables that the server wrote into the page. */
export function shapeTables() {
  for (const table of elements("table[data-shape]", document, "table")) shapeTable(table);
}
