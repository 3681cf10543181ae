// A list from the database. The page's address holds its filters, order and page, so that the back button, a bookmark
// and a reload show the same. It is read again whenever its leads change; focus, selection and scroll position stay.

import { call, messageOf } from "./api.js";
import { ColumnWidths } from "./column-widths.js";
import { watchCovers } from "./covers.js";
import { setUpDensity } from "./density.js";
import { element, elements, focusedIn, targetOf } from "./dom.js";
import { Filters } from "./filters.js";
import { cellText, leadCount } from "./format.js";
import { makeGap, nearest, RowHold, showWaiting } from "./row-hold.js";
import { addSortButton, showOrder } from "./row-order.js";
import { ageOf, CallTimes } from "./row-times.js";
import { say } from "./say.js";
import { Selection } from "./selection.js";
import { sortChoices } from "./sort-choices.js";
import { TableShape } from "./table-shape.js";

/** @import { Column, LeadPage, LeadRow } from "./types.d.ts" */

/** Columns whose long values are shortened in the list, and whole in the title. */
const SHORTENED = new Set(["email", "external_id"]);
const SOON_MS = 120; // Changes within this time cause a single read.

/**
 * @typedef {object} Options
 * @property {string} api the list's address in the API
 * @property {Column[]} columns
 * @property {string[]} [visible] their names, in order
 * @property {string} sort the default order
 * @property {((row: LeadRow) => HTMLElement[]) | null} [actions] makes the last cells
 * @property {((column: Column, row: LeadRow) => (Node | string)[] | null) | null} [cell] makes a cell, or null for the text
 * @property {string[]} [keep] parameters that Reset keeps
 * @property {string} empty the text where there are no rows
 * @property {(table: Table) => void} [onDraw]
 */

/** @typedef {Record<string, string | string[] | null>} Changes of the address */

export class Table {
  /**
   * @param {HTMLElement} root
   * @param {Options} options
   */
  constructor(root, { api, columns, visible, sort, actions, cell, keep = [], empty, onDraw }) {
    this.root = root;
    this.api = api;
    this.columns = columns;
    this.sort = sort;
    this.actions = actions;
    this.cell = cell;
    this.keep = keep;
    this.empty = empty;
    this.onDraw = onDraw;
    this.visible = visible ?? columns.map((column) => column.name);
    this.byName = new Map(columns.map((column) => [column.name, column]));
    /** @type {LeadPage | null} */
    this.page = null;
    /** @type {LeadRow[]} */
    this.rows = [];
    /** @type {LeadPage["names"]} */
    this.names = {};
    /** @type {Map<string, HTMLTableRowElement>} by lead id */
    this.lines = new Map();
    /** @type {Map<string, HTMLTableRowElement>} by lead id, the gaps of rows that have gone */
    this.gone = new Map();
    /** @type {RowHold<LeadRow>} */
    this.hold = new RowHold(this.find("[data-rows]"), () => this.draw());
    /** @type {WeakMap<HTMLTableRowElement, string>} what each line shows */
    this.stamps = new WeakMap();
    this.times = new CallTimes("", {});
    this.shape = new TableShape(api, () => this.reshape());
    this.widths = new ColumnWidths(this.shape, () => this.showReset());
    this.head = ""; // what the headings show
    this.lastRequest = 0;
    /** @type {Promise<void>} the newest reading of the list */
    this.newest = Promise.resolve();
    this.lastIndex = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.filters = new Filters(this);
    this.find("[data-earlier]").addEventListener("click", () => this.change({ cursor: this.page?.previous ?? null }));
    this.find("[data-later]").addEventListener("click", () => this.change({ cursor: this.page?.next ?? null }));
    this.root.addEventListener("focusin", (event) => {
      const line = targetOf(event).closest("tbody tr");
      if (line?.parentElement) this.lastIndex = [...line.parentElement.children].indexOf(line);
    });
    addEventListener("popstate", () => this.hold.without(() => this.load()));
    /** @type {Selection | null} */
    this.selection = this.root.querySelector("[data-selection]") ? new Selection(this) : null;
    const order = this.find("[data-sorted-by]", "select");
    setUpDensity();
    order.append(...columns.flatMap(sortChoices));
    order.addEventListener("change", () => this.change({ sort: order.value }));
    watchCovers(this.root.querySelector(".scroll"));
    const more = this.find("[data-more-tools]");
    more.addEventListener("click", () => {
      more.setAttribute("aria-expanded", String(this.find(".tools").classList.toggle("open")));
    });
    this.find("[data-reset-shape]").addEventListener("click", () => {
      this.shape.reset();
      this.reshape();
      this.find(".sort").focus();
    });
    this.drawHead();
    this.showReset();
  }

  /**
   * @template {import("./dom.js").Tag} [K="*"]
   * @param {string} selector
   * @param {K} [tag]
   */
  find(selector, tag) {
    return element(selector, this.root, tag);
  }

  // -- the query --------------------------------------------------------------------------------------------------

  get address() {
    return new URLSearchParams(location.search);
  }

  /**
   * Changes the query. A changed query starts at the first page.
   * @param {Changes} changes
   * @param {{replace?: boolean}} [options] `replace`: the back button skips the previous query
   */
  change(changes, { replace = false } = {}) {
    const address = this.address;
    if (!("cursor" in changes)) address.delete("cursor");
    for (const [name, value] of Object.entries(changes)) {
      address.delete(name);
      for (const item of value === null ? [] : [value].flat()) address.append(name, item);
    }
    if (!("cursor" in changes)) this.selection?.clear();
    const text = address.toString();
    history[replace ? "replaceState" : "pushState"](null, "", text ? `?${text}` : location.pathname);
    return this.hold.without(() => this.load());
  }

  /** Returns the address in the API's form. Days are days in the reader's time zone. */
  query() {
    const query = new URLSearchParams();
    for (const [name, value] of this.address) {
      const [column, end] = name.split(".");
      if (this.byName.get(column)?.type === "date" && /^\d{4}-\d\d-\d\d$/.test(value)) {
        const day = new Date(`${value}T00:00`);
        if (Number.isNaN(day.getTime())) continue;
        if (end === "to") day.setDate(day.getDate() + 1);
        query.append(name, day.toISOString());
      } else {
        query.append(name, value);
      }
    }
    return query;
  }

  loadSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), SOON_MS);
  }

  /**
   * Reads the page of the list again and draws it. If a newer query overtakes this one, it ends with that one.
   * @returns {Promise<void>}
   */
  load() {
    this.lastRequest += 1;
    this.newest = this.read(this.lastRequest);
    return this.newest;
  }

  /**
   * @param {number} request
   * @returns {Promise<void>}
   */
  async read(request) {
    /** @type {LeadPage} */
    let page;
    try {
      page = await call("GET", `${this.api}?${this.query()}`);
    } catch (error) {
      if (request !== this.lastRequest) return this.newest;
      say(messageOf(error));
      return;
    }
    if (request !== this.lastRequest) return this.newest; // What was asked for is in the newer answer.
    if (!page.rows.length && this.address.has("cursor")) return this.change({ cursor: null }, { replace: true });
    this.page = page;
    this.rows = page.rows;
    this.names = page.names;
    this.times.replace(page.call_times ?? {});
    this.draw();
  }

  // -- the rows ---------------------------------------------------------------------------------------------------

  /** @param {string[]} names of the columns, in order */
  showColumns(names) {
    this.visible = names;
    this.filters.group();
    this.lines.clear();
    this.find("[data-rows]").replaceChildren();
    this.drawHead();
    this.draw();
  }

  drawHead() {
    const order = this.address.get("sort") ?? this.sort;
    this.find("[data-sorted-by]", "select").value = order;
    // A heading that somebody drags or has the focus on stays while rows come and go.
    const head = JSON.stringify([order, this.visible]);
    if (head === this.head) return;
    this.head = head;
    const cells = this.visibleColumns.map((column) => {
      const { name } = column;
      const cell = document.createElement("th");
      cell.scope = "col";
      if (column.type === "number") cell.className = "number";
      showOrder(cell, name, order);
      addSortButton(cell, column.label, name, async () => {
        await this.change({ sort: order === name ? `-${name}` : name });
        this.find(`[data-sort="${name}"]`).focus();
      });
      this.widths.apply(cell, name, column.label);
      return cell;
    });
    const row = this.find("[data-head]");
    const fixed = elements("[data-fixed]", row, "th");
    row.replaceChildren(
      ...fixed.filter((heading) => heading.dataset.fixed === "first"),
      ...cells,
      ...fixed.filter((heading) => heading.dataset.fixed !== "first"),
    );
  }

  /** Draws the headings anew, because their widths are others. */
  reshape() {
    this.head = "";
    this.drawHead();
    this.showReset();
  }

  showReset() {
    this.find("[data-reset-shape]").hidden = this.shape.isPlain;
  }

  get visibleColumns() {
    return this.visible.map((name) => this.byName.get(name)).filter((column) => column !== undefined);
  }

  draw() {
    this.drawHead();
    this.filters.draw();
    const body = this.find("[data-rows]");
    const focused = focusedIn(body)?.closest("tr");
    const slots = this.hold.slots(this.rows);
    const lines = slots.map(({ lead, row }) => (row ? this.line(row) : this.gapOf(lead)));
    this.lines = new Map(lines.filter((line) => line.dataset.lead).map((line) => [line.dataset.lead ?? "", line]));
    this.gone = new Map(slots.flatMap(({ lead, row }, n) => (row ? [] : [[lead, lines[n]]])));
    const waiting = this.root.querySelector("[data-new]");
    if (waiting instanceof HTMLElement) showWaiting(waiting, this.hold.waiting);
    const wanted = new Set(lines);
    for (const line of elements("tr", body, "tr")) if (!wanted.has(line)) line.remove();
    lines.forEach((line, n) => {
      if (body.children[n] !== line) body.insertBefore(line, body.children[n] ?? null);
    });
    // If the focused row was removed, the row in its place gets the focus.
    const isGone = focused && (!wanted.has(focused) || focused.matches(".gone"));
    if (isGone && !document.querySelector("dialog[open]")) this.refocus();
    const total = this.page?.total ?? 0;
    this.find("[data-total]").textContent = leadCount(total);
    const empty = this.find("[data-empty]");
    empty.hidden = this.rows.length > 0;
    empty.textContent = this.filters.isAnySet() ? "No lead matches these filters. Reset them to see all." : this.empty;
    this.find("[data-pager]").hidden = !this.page?.next && !this.page?.previous;
    this.find("[data-earlier]", "button").disabled = !this.page?.previous;
    this.find("[data-later]", "button").disabled = !this.page?.next;
    this.selection?.draw();
    this.onDraw?.(this);
  }

  /** Gives the focus to a row if the focused element has been removed. */
  keepFocus() {
    const focused = document.activeElement;
    if (focused === document.body || focused?.closest("dialog:not([open])")) this.refocus();
  }

  refocus() {
    (nearest(this.find("[data-rows]"), this.lastIndex) ?? element("#main")).focus();
  }

  /** @param {string} lead of a row that has gone */
  gapOf(lead) {
    return this.gone.get(lead) ?? makeGap(this.lines.get(lead) ?? document.createElement("tr"));
  }

  /** @param {LeadRow} row */
  line(row) {
    const known = this.lines.get(row.lead_id);
    const stamp = JSON.stringify([row, this.names, this.page?.call_times?.[row.lead_id]]);
    if (known && this.stamps.get(known) === stamp) return known;
    const line = known ?? document.createElement("tr");
    const focused = focusedIn(line)?.dataset.does;
    this.stamps.set(line, stamp);
    line.dataset.lead = row.lead_id;
    line.dataset.status = row.status ?? "";
    const cells = this.visibleColumns.map((column) => {
      const cell = document.createElement("td");
      if (column.type === "number") cell.className = "number";
      cell.dataset.column = column.name;
      if (SHORTENED.has(column.name)) cell.title = row[column.name] ?? "";
      cell.append(...(this.cell?.(column, row) ?? this.inside(column, row)));
      return cell;
    });
    if (this.selection) cells.unshift(this.selection.cell(row));
    for (const node of this.actions?.(row) ?? []) {
      const cell = document.createElement("td");
      cell.className = "act";
      cell.append(node);
      cells.push(cell);
    }
    line.replaceChildren(...cells);
    const again = focused && line.querySelector(`[data-does="${focused}"]`);
    if (again instanceof HTMLElement) again.focus();
    return line;
  }

  /**
   * Returns what a cell holds: an age, a phone number with the time where the lead is, or a text.
   * @param {Column} column
   * @param {LeadRow} row
   * @returns {(Node | string)[]}
   */
  inside(column, row) {
    const value = row[column.name];
    const text = this.text(column, value);
    if (column.name === "phone" && value) return [text, this.times.label(row.lead_id)];
    return [ageOf(column, value, this.times.windowSeconds(row.lead_id)) ?? text];
  }

  /**
   * @param {Column} column
   * @param {any} value
   */
  text(column, value) {
    return this.names[column.name]?.[value] ?? cellText(column, value);
  }
}
