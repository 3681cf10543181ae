// The leads of a queue that a manager has selected, also on other pages of the queue (M1).

import { element, elements } from "./dom.js";
import { leadCount } from "./format.js";
import { setUpMoves } from "./selection-moves.js";

/** @import { BoardRow } from "./types.d.ts" */

export class QueueSelection {
  /** @param {HTMLElement} list the section with the table and the bar of the selection */
  constructor(list) {
    this.list = list;
    /** The number of leads in the queue. */
    this.size = 0;
    /** @type {Map<string, string>} names by lead id */
    this.names = new Map();
    element("[data-select-none]", list).addEventListener("click", () => this.clear());
    setUpMoves(
      list,
      () => ({ which: { leads: [...this.names.keys()] }, count: this.names.size, names: new Map(this.names) }),
      (isDone) => isDone && this.clear(),
    );
  }

  /** Makes the head of the column: it selects all leads that the page shows. */
  head() {
    const cell = document.createElement("th");
    cell.scope = "col";
    const box = this.box("Select all on this page", (isSelected) => {
      for (const box of elements("[data-select]", this.list, "input")) {
        if (box.checked !== isSelected) box.click();
      }
    });
    box.dataset.selectPage = "";
    cell.append(box);
    return cell;
  }

  /**
   * Makes the cell with a row's checkbox.
   * @param {BoardRow} row
   */
  cell({ lead_id, columns }) {
    const cell = document.createElement("td");
    cell.className = "selects";
    const box = this.box(`Select ${columns.name}`, (isSelected) => {
      if (isSelected) this.names.set(lead_id, columns.name);
      else this.names.delete(lead_id);
      this.draw();
    });
    box.dataset.select = lead_id;
    box.checked = this.names.has(lead_id);
    cell.append(box);
    return cell;
  }

  /**
   * @param {string} label
   * @param {(isSelected: boolean) => void} onChange
   */
  box(label, onChange) {
    const box = document.createElement("input");
    box.type = "checkbox";
    box.setAttribute("aria-label", label);
    box.addEventListener("change", () => onChange(box.checked));
    return box;
  }

  /** @param {string} lead that has left the queue */
  drop(lead) {
    if (this.names.delete(lead)) this.draw();
  }

  clear() {
    this.names.clear();
    this.draw();
  }

  /** Shows the selection in the boxes and in its bar. */
  draw() {
    const boxes = elements("[data-select]", this.list, "input");
    for (const box of boxes) box.checked = this.names.has(box.dataset.select ?? "");
    const page = element("[data-select-page]", this.list, "input");
    const selected = boxes.filter((box) => box.checked).length;
    page.checked = selected > 0 && selected === boxes.length;
    page.indeterminate = selected > 0 && selected < boxes.length;
    element("[data-selection]", this.list).hidden = this.names.size === 0;
    element("[data-chosen]", this.list).textContent =
      `${this.names.size.toLocaleString()} of ${leadCount(this.size)} selected`;
  }
}
