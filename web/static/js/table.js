// A list from the database: what is asked of it is in the page's address, so that going back, a bookmark and a reload
// show the same. It is read anew whenever something of it changes; focus, selection and scroll stay.

import { call } from "./api.js";
import { Filters } from "./filters.js";
import { shown } from "./format.js";
import { say } from "./say.js";

const SOON = 120; // ms: changes that come together are read once

export class Table {
  // api: where the list is. columns: [{name, label, type}]. visible: their names, in order. sort: the order it has
  // unless asked. act(row, table): a node for each of the last cells. cell(column, row, table): nodes instead of the text.
  constructor(root, { api, columns, visible, sort, act, cell, keep = [], empty, drawn }) {
    Object.assign(this, { root, api, columns, sort, act, cell, keep, empty, drawn });
    this.visible = visible ?? columns.map((column) => column.name);
    this.byName = new Map(columns.map((column) => [column.name, column]));
    this.rows = [];
    this.names = {};
    this.lines = new Map();
    this.selected = new Map();
    this.all = false;
    this.asked = 0;
    this.filters = new Filters(this);
    this.find("[data-earlier]").addEventListener("click", () => this.ask({ cursor: this.page.previous }));
    this.find("[data-later]").addEventListener("click", () => this.ask({ cursor: this.page.next }));
    this.find("[data-select-page]")?.addEventListener("change", (event) => this.selectPage(event.target.checked));
    this.find("[data-select-all]")?.addEventListener("click", () => this.selectAll());
    this.find("[data-select-none]")?.addEventListener("click", () => this.selectNone());
    this.root.addEventListener("focusin", (event) => {
      const line = event.target.closest("tbody tr");
      if (line) this.place = [...line.parentElement.children].indexOf(line);
    });
    addEventListener("popstate", () => this.load());
    this.head();
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  // -- what is asked --------------------------------------------------------------------------------------------------

  get address() {
    return new URLSearchParams(location.search);
  }

  // Change what is asked: {name: value, [values] or null}. Another question begins at the first page.
  ask(changes, { quietly = false } = {}) {
    const address = this.address;
    if (!("cursor" in changes)) address.delete("cursor");
    for (const [name, value] of Object.entries(changes)) {
      address.delete(name);
      for (const one of value === null ? [] : [value].flat()) address.append(name, one);
    }
    if (!("cursor" in changes)) this.selectNone();
    const text = address.toString();
    history[quietly ? "replaceState" : "pushState"](null, "", text ? `?${text}` : location.pathname);
    return this.load();
  }

  // The address as the API takes it: days are days where the reader is.
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

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), SOON);
  }

  async load() {
    const asked = ++this.asked;
    let page;
    try {
      page = await call("GET", `${this.api}?${this.query()}`);
    } catch (error) {
      if (asked === this.asked) say(error.message);
      return;
    }
    if (asked !== this.asked) return; // something else is asked by now
    if (!page.rows.length && this.address.has("cursor")) return this.ask({ cursor: null }, { quietly: true });
    this.page = page;
    this.rows = page.rows;
    this.names = page.names;
    this.draw();
  }

  // -- what is shown --------------------------------------------------------------------------------------------------

  show(names) {
    this.visible = names;
    this.lines.clear();
    this.find("[data-rows]").replaceChildren();
    this.head();
    this.draw();
  }

  head() {
    const order = this.address.get("sort") ?? this.sort;
    const cells = this.visible.map((name) => {
      const column = this.byName.get(name);
      const cell = document.createElement("th");
      cell.scope = "col";
      if (column.type === "number") cell.className = "number";
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.dataset.sort = name;
      button.textContent = column.label;
      const up = order === name;
      if (up || order === `-${name}`) cell.setAttribute("aria-sort", up ? "ascending" : "descending");
      button.addEventListener("click", async () => {
        await this.ask({ sort: up ? `-${name}` : name });
        this.find(`[data-sort="${name}"]`)?.focus();
      });
      cell.append(button);
      return cell;
    });
    const row = this.find("[data-head]");
    const fixed = [...row.querySelectorAll("[data-fixed]")];
    row.replaceChildren(...fixed.filter((one) => one.dataset.fixed === "first"), ...cells, ...fixed.filter((one) => one.dataset.fixed !== "first"));
  }

  draw() {
    this.head();
    this.filters.draw();
    const body = this.find("[data-rows]");
    const focused = document.activeElement?.closest("tbody tr");
    const lines = this.rows.map((row) => this.line(row));
    this.lines = new Map(lines.map((line) => [line.dataset.lead, line]));
    const wanted = new Set(lines);
    for (const line of [...body.children]) if (!wanted.has(line)) line.remove();
    lines.forEach((line, n) => {
      if (body.children[n] !== line) body.insertBefore(line, body.children[n] ?? null);
    });
    // Who was on a row that is gone goes on at the one in its place.
    if (focused && !wanted.has(focused) && !document.querySelector("dialog[open]")) this.refocus();
    const total = this.page?.total ?? 0;
    this.find("[data-total]").textContent = total === 1 ? "1 lead" : `${total.toLocaleString()} leads`;
    const empty = this.find("[data-empty]");
    empty.hidden = lines.length > 0;
    empty.textContent = this.filters.any() ? "No lead meets these filters. Reset them to see all." : this.empty;
    this.find("[data-pager]").hidden = !this.page?.next && !this.page?.previous;
    this.find("[data-earlier]").disabled = !this.page?.previous;
    this.find("[data-later]").disabled = !this.page?.next;
    this.drawSelection();
    this.drawn?.(this);
  }

  refocus() {
    const rows = this.find("[data-rows]").children;
    const line = rows[Math.min(this.place ?? 0, rows.length - 1)];
    (line?.querySelector("td button, td a, td input") ?? document.getElementById("main")).focus();
  }

  line(row) {
    const known = this.lines.get(row.lead_id);
    const stamp = JSON.stringify([row, this.names]);
    if (known?.stamp === stamp) return known;
    const line = known ?? document.createElement("tr");
    const inside = known?.contains(document.activeElement) ? document.activeElement.dataset.does : null;
    line.stamp = stamp;
    line.dataset.lead = row.lead_id;
    line.dataset.status = row.status ?? "";
    const cells = this.visible.map((name) => {
      const column = this.byName.get(name);
      const cell = document.createElement("td");
      if (column.type === "number") cell.className = "number";
      cell.append(...(this.cell?.(column, row, this) ?? [this.text(column, row[name])]));
      return cell;
    });
    if (this.find("[data-select-page]")) cells.unshift(this.checkbox(row));
    for (const node of this.act?.(row, this) ?? []) {
      const cell = document.createElement("td");
      cell.className = "act";
      cell.append(node);
      cells.push(cell);
    }
    line.replaceChildren(...cells);
    if (inside) line.querySelector(`[data-does="${inside}"]`)?.focus();
    return line;
  }

  text(column, value) {
    return this.names[column.name]?.[value] ?? shown(column, value);
  }

  // -- the selection --------------------------------------------------------------------------------------------------

  checkbox(row) {
    const cell = document.createElement("td");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.dataset.does = "select";
    box.setAttribute("aria-label", `Select ${nameOf(row)}`);
    box.addEventListener("change", () => {
      if (this.all) {
        this.all = false;
        this.selected = new Map(this.rows.map((one) => [one.lead_id, one]));
      }
      if (box.checked) this.selected.set(row.lead_id, row);
      else this.selected.delete(row.lead_id);
      this.drawSelection();
    });
    cell.append(box);
    return cell;
  }

  selectPage(on) {
    this.all = false;
    for (const row of this.rows) on ? this.selected.set(row.lead_id, row) : this.selected.delete(row.lead_id);
    this.drawSelection();
  }

  selectAll() {
    this.all = true;
    this.drawSelection();
    this.find("[data-select-none]")?.focus();
  }

  selectNone() {
    this.all = false;
    this.selected.clear();
    this.drawSelection();
  }

  get chosen() {
    return this.all ? (this.page?.total ?? 0) : this.selected.size;
  }

  // Which leads are meant, as the API takes it.
  which(of) {
    return this.all ? { of, query: this.query().toString() } : { leads: [...this.selected.keys()] };
  }

  drawSelection() {
    const bar = this.find("[data-selection]");
    if (!bar) return;
    const here = this.rows.filter((row) => this.all || this.selected.has(row.lead_id));
    for (const [lead, line] of this.lines) {
      const on = this.all || this.selected.has(lead);
      line.setAttribute("aria-selected", on);
      const box = line.querySelector('[data-does="select"]');
      if (box) box.checked = on;
    }
    const page = this.find("[data-select-page]");
    page.checked = here.length > 0 && here.length === this.rows.length;
    page.indeterminate = here.length > 0 && here.length < this.rows.length;
    bar.hidden = this.chosen === 0;
    this.find("[data-chosen]").textContent = this.all
      ? `All ${this.chosen.toLocaleString()} that match are selected`
      : `${this.chosen.toLocaleString()} selected`;
    const total = this.page?.total ?? 0;
    const more = this.find("[data-select-all]");
    more.hidden = this.all || !page.checked || total <= this.rows.length;
    more.textContent = `Select all ${total.toLocaleString()} that match`;
  }
}

export function nameOf(row) {
  const name = row.prospect_name ?? [row.first_name, row.last_name].filter(Boolean).join(" ");
  return name || row.external_id || row.email || row.phone || "this lead";
}

export function button(text, label, does, click, kind = "") {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.className = kind;
  made.dataset.does = does;
  made.setAttribute("aria-label", label);
  made.addEventListener("click", click);
  return made;
}
