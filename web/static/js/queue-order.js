// The order and the widths that a person gives a queue's list. The order is one for the eye, of the rows of this page:
// calling through the list, claims and offers go by the queue's own order.

import { ColumnWidths } from "./column-widths.js";
import { finder, setHidden, setText } from "./dom.js";
import { addSortButton, inOrder, nextOrder, showOrder } from "./row-order.js";
import { sortChoices } from "./sort-choices.js";
import { TableShape } from "./table-shape.js";

/** @import { BoardRow, Column } from "./types.d.ts" */

export class QueueOrder {
  /**
   * @param {HTMLElement} list the section with the table
   * @param {string} queue the queue's name in the API
   * @param {Column[]} columns
   * @param {() => void} onChange called when the order is another
   */
  constructor(list, queue, columns, onChange) {
    this.find = finder(list);
    this.columns = columns;
    this.onChange = onChange;
    // All queues have the widths in common. A column is about as wide in each.
    this.widths = new ColumnWidths(new TableShape("queues"), () => this.show());
    this.shape = new TableShape(`queue/${queue}`, () => this.apply());
    this.own = this.find("[data-sorted]").textContent ?? "";
    this.isUp = true;
    /** @type {Column | undefined} the one by which the person sorts; undefined: the queue's own order */
    this.column = undefined;
    /** @type {Map<string, HTMLTableCellElement>} by column */
    this.heads = new Map();
    this.find("[data-reset-shape]").addEventListener("click", () => {
      this.shape.reset();
      this.widths.shape.reset();
      this.apply();
      this.find(".sort").focus();
    });
  }

  /**
   * Makes the heading of a column.
   * @param {Column} column
   */
  head({ name, label, type }) {
    const cell = this.cell(name);
    if (type === "number") cell.classList.add("number");
    addSortButton(cell, label, name, () => {
      this.shape.change({ order: nextOrder(this.shape.shape.order, name) });
      this.apply();
    });
    this.widths.apply(cell, name, label);
    return cell;
  }

  /**
   * Makes the heading of a column that is no order.
   * @param {string} name
   * @param {string} label
   */
  plainHead(name, label) {
    const cell = this.cell(name);
    cell.textContent = label;
    this.widths.apply(cell, name, label);
    return cell;
  }

  /** @param {string} name */
  cell(name) {
    const cell = document.createElement("th");
    cell.scope = "col";
    this.heads.set(name, cell);
    return cell;
  }

  /** Shows the widths, and the rows in their order. */
  apply() {
    for (const [name, cell] of this.heads) this.widths.show(cell, name);
    this.show();
    this.onChange();
  }

  /** Says in which order the rows are, and whether there is something to take back. */
  show() {
    const { order } = this.shape.shape;
    this.isUp = !order?.startsWith("-");
    this.column = this.columns.find((column) => column.name === order?.replace(/^-/, ""));
    const { column } = this;
    for (const [name, cell] of this.heads) showOrder(cell, name, order);
    setHidden(this.find("[data-reset-shape]"), this.shape.isPlain && this.widths.shape.isPlain);
    const own = this.own.replace("Sorted By: ", "");
    const [up, down] = column ? sortChoices(column) : [];
    const shown = this.isUp ? up : down;
    const text = `Sorted By: ${shown?.text} (the rows of this page, for you). The list's own order stays: ${own}`;
    setText(this.find("[data-sorted]"), column ? text : this.own);
  }

  /**
   * Sorts the rows as the person wants to see them. Offers stand first in any order.
   * @param {BoardRow[]} rows in the queue's own order
   * @returns {BoardRow[]}
   */
  sorted(rows) {
    const { column } = this;
    if (!column) return rows;
    const offered = rows.filter((row) => row.columns.offer === true);
    const others = rows.filter((row) => row.columns.offer !== true);
    return [...offered, ...inOrder(others, (row) => row.columns[column.name], this.isUp)];
  }
}
