// The selected leads of a list: some, or all that match its filters.

import { element } from "./dom.js";
import { nameOf } from "./row-parts.js";

/** @import { LeadRow } from "./types.d.ts" */
/** @import { Table } from "./table.js" */

export class Selection {
  /** @param {Table} table */
  constructor(table) {
    this.table = table;
    /** @type {Map<string, LeadRow>} by lead id */
    this.rows = new Map();
    this.isAll = false;
    const page = table.find("[data-select-page]", "input");
    page.addEventListener("change", () => this.selectPage(page.checked));
    table.find("[data-select-all]").addEventListener("click", () => this.selectAll());
    table.find("[data-select-none]").addEventListener("click", () => this.clear());
  }

  /** How many leads are selected. */
  get count() {
    return this.isAll ? (this.table.page?.total ?? 0) : this.rows.size;
  }

  /** @returns {Map<string, string>} the names of the selected leads, by lead id */
  get names() {
    return new Map([...this.rows].map(([lead, row]) => [lead, nameOf(row)]));
  }

  /**
   * Returns the selection in the API's form.
   * @param {string} list the list to which a filter applies
   */
  forApi(list) {
    return this.isAll ? { of: list, query: this.table.query().toString() } : { leads: [...this.rows.keys()] };
  }

  /**
   * Makes the cell with a row's checkbox.
   * @param {LeadRow} row
   */
  cell(row) {
    const cell = document.createElement("td");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.dataset.does = "select";
    box.setAttribute("aria-label", `Select ${nameOf(row)}`);
    box.addEventListener("change", () => {
      if (this.isAll) {
        this.isAll = false;
        this.rows = new Map(this.table.rows.map((tableRow) => [tableRow.lead_id, tableRow]));
      }
      this.set(row, box.checked);
      this.draw();
    });
    cell.append(box);
    return cell;
  }

  /**
   * @param {LeadRow} row
   * @param {boolean} isSelected
   */
  set(row, isSelected) {
    if (isSelected) this.rows.set(row.lead_id, row);
    else this.rows.delete(row.lead_id);
  }

  /** @param {boolean} isSelected */
  selectPage(isSelected) {
    this.isAll = false;
    for (const row of this.table.rows) this.set(row, isSelected);
    this.draw();
  }

  selectAll() {
    this.isAll = true;
    this.draw();
    this.table.find("[data-select-none]").focus();
  }

  clear() {
    this.isAll = false;
    this.rows.clear();
    this.draw();
  }

  draw() {
    const { table } = this;
    const here = table.rows.filter((row) => this.isAll || this.rows.has(row.lead_id));
    for (const [lead, line] of table.lines) {
      const isSelected = this.isAll || this.rows.has(lead);
      line.setAttribute("aria-selected", String(isSelected));
      element('[data-does="select"]', line, "input").checked = isSelected;
    }
    const page = table.find("[data-select-page]", "input");
    page.checked = here.length > 0 && here.length === table.rows.length;
    page.indeterminate = here.length > 0 && here.length < table.rows.length;
    table.find("[data-selection]").hidden = this.count === 0;
    const total = table.page?.total ?? 0;
    const count = this.count.toLocaleString();
    table.find("[data-chosen]").textContent = this.isAll
      ? `All ${count} that match are selected`
      : `${count} of ${total.toLocaleString()} selected`;
    const all = table.find("[data-select-all]");
    all.hidden = this.isAll || !page.checked || total <= table.rows.length;
    all.textContent = `Select all ${total.toLocaleString()} that match`;
  }
}
