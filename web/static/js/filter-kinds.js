// The kinds of filters of a list: a text, a range of numbers or days, and a choice of values (E2).

import { call } from "./api.js";
import { elements } from "./dom.js";
import { outcomeLabel, valueLabel } from "./format.js";

/** @import { Filters } from "./filters.js" */
/** @import { Changes, Table } from "./table.js" */
/** @import { Column } from "./types.d.ts" */

/**
 * One filter.
 * @typedef {object} Filter
 * @property {HTMLElement} node
 * @property {(address: URLSearchParams) => void} draw shows the value of the address
 * @property {(address: URLSearchParams) => string | null} text describes the filter; null if it is not set
 * @property {() => Changes} unset
 */

const TYPING_MS = 150;

/**
 * @param {Column} column
 * @param {(Node | string)[]} inside
 */
function fieldset(column, ...inside) {
  const node = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = column.label;
  node.append(legend, ...inside);
  return node;
}

/**
 * @param {string} type
 * @param {string} label
 * @param {(value: string) => void} onValue
 */
function input(type, label, onValue) {
  const made = document.createElement("input");
  made.type = type;
  made.setAttribute("aria-label", label);
  made.autocomplete = "off";
  if (type === "number") made.step = "any";
  made.addEventListener(type === "date" ? "change" : "input", () => onValue(made.value));
  return made;
}

/**
 * @param {HTMLInputElement} field
 * @param {string} value
 */
export function setUnlessFocused(field, value) {
  if (document.activeElement !== field && field.value !== value) field.value = value;
}

/**
 * @param {Column} column
 * @param {Table} table
 * @param {Filters} filters
 * @returns {Filter}
 */
export function textFilter(column, table, filters) {
  const { name, label } = column;
  const field = input("text", `${label} contains`, (value) =>
    filters.afterTyping(() => table.change({ [name]: value || null }, { replace: true })),
  );
  field.maxLength = 200;
  return {
    node: fieldset(column, field),
    draw: (address) => setUnlessFocused(field, address.get(name) ?? ""),
    text: (address) => (address.get(name) ? `${label}: “${address.get(name)}”` : null),
    unset: () => ({ [name]: null }),
  };
}

/**
 * @param {Column} column
 * @param {Table} table
 * @param {Filters} filters
 * @returns {Filter}
 */
export function rangeFilter(column, table, filters) {
  const isDate = column.type === "date";
  const ends = ["from", "to"].map((end) => {
    const name = `${column.name}.${end}`;
    const field = input(isDate ? "date" : "number", `${column.label} ${end}`, (value) => {
      const change = () => table.change({ [name]: value || null }, { replace: !isDate });
      if (isDate) change();
      else filters.afterTyping(change);
    });
    return { end, name, field };
  });
  const row = document.createElement("div");
  row.className = "range";
  row.append(ends[0].field, "–", ends[1].field);
  return {
    node: fieldset(column, row),
    draw: (address) => {
      for (const { name, field } of ends) setUnlessFocused(field, address.get(name) ?? "");
    },
    text: (address) => {
      const parts = ends.filter(({ name }) => address.get(name)).map(({ end, name }) => `${end} ${address.get(name)}`);
      return parts.length ? `${column.label} ${parts.join(" ")}` : null;
    },
    unset: () => Object.fromEntries(ends.map(({ name }) => [name, null])),
  };
}

/**
 * @param {Column} column
 * @param {Table} table
 * @returns {Filter}
 */
export function choiceFilter(column, table) {
  const { name } = column;
  /** @type {Map<string, string>} labels by value */
  const labels = new Map([["", "(none)"]]);
  const node = document.createElement("details");
  node.className = "choice";
  const summary = document.createElement("summary");
  const search = document.createElement("input");
  search.type = "search";
  search.placeholder = "Search";
  search.setAttribute("aria-label", `Search in ${column.label}`);
  const list = document.createElement("div");
  list.className = "options";
  list.setAttribute("role", "group");
  list.setAttribute("aria-label", column.label);
  const inside = document.createElement("div");
  inside.className = "choices";
  inside.append(search, list);
  node.append(summary, inside);

  const words = name === "last_outcome" ? outcomeLabel : valueLabel;
  const checked = () => new Set(table.address.getAll(name));
  /** @param {string} value */
  const labelOf = (value) => labels.get(value) ?? table.names[name]?.[value] ?? words(value);

  async function showOptions() {
    const query = new URLSearchParams({ search: search.value });
    for (const kept of table.keep) if (table.address.has(kept)) query.set(kept, table.address.get(kept) ?? "");
    /** @type {{value: string | boolean | null, label?: string, count: number}[]} */
    const found = await call("GET", `${table.api}/choices/${name}?${query}`);
    list.replaceChildren(
      ...found.map(({ value, label, count }) => {
        const key = value === null ? "" : String(value);
        labels.set(key, value === null ? "(none)" : (label ?? words(key)));
        return option(key, count);
      }),
    );
    if (!found.length) list.textContent = "No matching value.";
  }

  /**
   * @param {string} value
   * @param {number} count
   */
  function option(value, count) {
    const line = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = value;
    box.checked = checked().has(value);
    box.addEventListener("change", () => {
      const values = checked();
      if (box.checked) values.add(value);
      else values.delete(value);
      table.change({ [name]: values.size ? [...values] : null });
    });
    const number = Object.assign(document.createElement("small"), { textContent: count.toLocaleString() });
    line.append(box, ` ${labelOf(value)} `, number);
    return line;
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(showOptions, TYPING_MS);
  });
  node.addEventListener("toggle", () => node.open && showOptions());
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !node.open) return;
    event.stopPropagation();
    node.open = false;
    summary.focus();
  });
  document.addEventListener("click", (event) => {
    if (node.open && event.target instanceof Node && !node.contains(event.target)) node.open = false;
  });
  return {
    node,
    draw: () => {
      const values = checked();
      summary.textContent = values.size ? `${column.label} (${values.size})` : column.label;
      for (const box of elements("input", list, "input")) box.checked = values.has(box.value);
    },
    text: (address) => {
      const values = address.getAll(name);
      return values.length ? `${column.label}: ${values.map(labelOf).join(", ")}` : null;
    },
    unset: () => ({ [name]: null }),
  };
}
