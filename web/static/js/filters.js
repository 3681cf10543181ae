// The filters of a list: one for each column, by its type (E2). The page's address holds their values.

import { element, elements } from "./dom.js";
import { choiceFilter, rangeFilter, setUnlessFocused, textFilter } from "./filter-kinds.js";

/** @import { Column } from "./types.d.ts" */
/** @import { Filter } from "./filter-kinds.js" */
/** @import { Table } from "./table.js" */

const TYPING_MS = 150;
const FEW = 12; // So many filters need no search.

export class Filters {
  /** @param {Table} table */
  constructor(table) {
    this.table = table;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.form = table.find("[data-filters]", "form");
    this.filters = table.columns.map((column) => this.make(column));
    const controls = element("[data-controls]", this.form);
    this.shown = part("Of the columns shown");
    this.others = part("Of other columns");
    if (table.columns.length > FEW) controls.before(this.finder());
    controls.append(this.shown.node, this.others.node);
    this.group();
    this.form.addEventListener("submit", (event) => event.preventDefault());
    const search = table.root.querySelector("[data-search]");
    this.search = search instanceof HTMLInputElement ? search : null;
    this.search?.addEventListener("input", () =>
      this.afterTyping(() => table.change({ search: this.search?.value || null }, { replace: true })),
    );
    this.resets = elements("[data-reset]", table.root, "button");
    for (const reset of this.resets) reset.addEventListener("click", () => this.reset());
  }

  /** Makes the search for a filter. */
  finder() {
    const search = document.createElement("input");
    Object.assign(search, { type: "search", placeholder: "Find a filter", maxLength: 100 });
    search.setAttribute("aria-label", "Find a filter");
    search.className = "find-filter";
    search.addEventListener("input", () => {
      const wanted = search.value.trim().toLowerCase();
      this.table.columns.forEach(({ label }, n) => {
        this.filters[n].node.hidden = !label.toLowerCase().includes(wanted);
      });
      this.group();
    });
    return search;
  }

  /** Puts the filters of the columns that are shown first, in their order. */
  group() {
    const { columns, visible } = this.table;
    const position = new Map(visible.map((name, n) => [name, n]));
    const nodes = columns.map(({ name }, n) => ({ node: this.filters[n].node, at: position.get(name) ?? -1 }));
    const shown = nodes.filter(({ at }) => at >= 0).sort((a, b) => a.at - b.at);
    const others = nodes.filter(({ at }) => at < 0);
    const wanted = /** @type {const} */ ([
      [this.shown, shown],
      [this.others, others],
    ]);
    for (const [group, ones] of wanted) {
      const now = [...group.controls.children];
      if (now.length !== ones.length || ones.some(({ node }, n) => now[n] !== node))
        group.controls.replaceChildren(...ones.map(({ node }) => node));
      group.node.hidden = ones.every(({ node }) => node.hidden);
    }
    this.shown.title.hidden = this.others.node.hidden;
  }

  /** @param {() => void} work that runs after the person stops typing */
  afterTyping(work) {
    clearTimeout(this.timer);
    this.timer = setTimeout(work, TYPING_MS);
  }

  reset() {
    const kept = new Set(["sort", ...this.table.keep]);
    const names = [...this.table.address.keys()].filter((name) => !kept.has(name));
    this.table.change(Object.fromEntries(names.map((name) => [name, null])));
    (this.search ?? element("input", this.form)).focus();
  }

  isAnySet() {
    return this.texts().length > 0 || Boolean(this.table.address.get("search"));
  }

  /**
   * @param {Column} column
   * @returns {Filter}
   */
  make(column) {
    if (column.type === "text") return textFilter(column, this.table, this);
    if (column.type === "number" || column.type === "date") return rangeFilter(column, this.table, this);
    return choiceFilter(column, this.table);
  }

  /** @returns {[Filter, string][]} each filter that is set, with its text */
  texts() {
    const { address } = this.table;
    return this.filters.flatMap((filter) => {
      const text = filter.text(address);
      return text ? [/** @type {[Filter, string]} */ ([filter, text])] : [];
    });
  }

  draw() {
    const address = this.table.address;
    for (const filter of this.filters) filter.draw(address);
    if (this.search) setUnlessFocused(this.search, address.get("search") ?? "");
    const texts = this.texts();
    this.table.find("[data-filter-count]").textContent = texts.length ? `(${texts.length})` : "";
    this.table.find("[data-active-filters]").replaceChildren(...texts.map(([filter, text]) => this.chip(filter, text)));
    for (const reset of this.resets) reset.disabled = !this.isAnySet();
  }

  /**
   * @param {Filter} filter
   * @param {string} text
   */
  chip(filter, text) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "chip";
    button.textContent = `${text} ×`;
    button.setAttribute("aria-label", `Remove the filter ${text}`);
    button.addEventListener("click", () => {
      this.table.change(filter.unset());
      this.table.find("[data-filter-toggle]").focus();
    });
    item.append(button);
    return item;
  }
}

/**
 * Makes a part of the filters, with a title.
 * @param {string} text
 */
function part(text) {
  const node = document.createElement("div");
  node.className = "filter-part";
  const title = Object.assign(document.createElement("h3"), { textContent: text });
  const controls = document.createElement("div");
  controls.className = "controls";
  node.append(title, controls);
  return { node, title, controls };
}
