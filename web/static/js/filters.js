// The filters of a list: for each column the one that fits what it holds (E2). What they say is in the address.

import { call } from "./api.js";
import { words } from "./format.js";

const TYPING = 150; // ms without a key until what was typed is asked

export class Filters {
  constructor(table) {
    this.table = table;
    this.form = table.find("[data-filters]");
    this.controls = table.columns.map((column) => this.control(column));
    this.form.querySelector("[data-controls]").append(...this.controls.map((control) => control.node));
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.search = table.find("[data-search]");
    this.search?.addEventListener("input", () => this.later(() => table.ask({ search: this.search.value || null }, { quietly: true })));
    for (const reset of table.root.querySelectorAll("[data-reset]")) reset.addEventListener("click", () => this.reset());
  }

  later(does) {
    clearTimeout(this.timer);
    this.timer = setTimeout(does, TYPING);
  }

  reset() {
    const address = this.table.address;
    const kept = new Set(["sort", ...this.table.keep]);
    this.table.ask(Object.fromEntries([...address.keys()].filter((name) => !kept.has(name)).map((name) => [name, null])));
    (this.search ?? this.form.querySelector("input"))?.focus();
  }

  any() {
    return this.said().length > 0 || Boolean(this.table.address.get("search"));
  }

  control(column) {
    const make = { text: text, number: range, date: range }[column.type] ?? choice;
    return make(column, this.table, this);
  }

  // Of each filter that is set, what it says.
  said() {
    return this.controls.flatMap((control) => {
      const said = control.said(this.table.address);
      return said ? [[control, said]] : [];
    });
  }

  draw() {
    const address = this.table.address;
    for (const control of this.controls) control.draw(address);
    if (this.search && document.activeElement !== this.search) this.search.value = address.get("search") ?? "";
    const said = this.said();
    const count = this.table.find("[data-filter-count]");
    count.textContent = said.length ? `(${said.length})` : "";
    this.table.find("[data-said]").replaceChildren(
      ...said.map(([control, text]) => {
        const item = document.createElement("li");
        const button = document.createElement("button");
        button.type = "button";
        button.className = "chip";
        button.textContent = `${text} ×`;
        button.setAttribute("aria-label", `Remove the filter ${text}`);
        button.addEventListener("click", () => {
          this.table.ask(control.nothing());
          this.table.find("[data-filter-toggle]").focus();
        });
        item.append(button);
        return item;
      }),
    );
    for (const reset of this.table.root.querySelectorAll("[data-reset]")) reset.disabled = !this.any();
  }
}

function field(column, ...inside) {
  const node = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = column.label;
  node.append(legend, ...inside);
  return node;
}

function input(type, label, changed) {
  const made = document.createElement("input");
  made.type = type;
  made.setAttribute("aria-label", label);
  made.autocomplete = "off";
  if (type === "number") made.step = "any";
  made.addEventListener(type === "date" ? "change" : "input", () => changed(made.value));
  return made;
}

function fill(made, value) {
  if (document.activeElement !== made && made.value !== value) made.value = value;
}

function text(column, table, filters) {
  const name = column.name;
  const made = input("text", `${column.label} contains`, (value) => filters.later(() => table.ask({ [name]: value || null }, { quietly: true })));
  made.maxLength = 200;
  return {
    node: field(column, made),
    draw: (address) => fill(made, address.get(name) ?? ""),
    said: (address) => address.get(name) && `${column.label}: “${address.get(name)}”`,
    nothing: () => ({ [name]: null }),
  };
}

function range(column, table, filters) {
  const type = column.type === "date" ? "date" : "number";
  const ends = ["from", "to"].map((end) => {
    const name = `${column.name}.${end}`;
    const does = (value) => table.ask({ [name]: value || null }, { quietly: type !== "date" });
    return [name, input(type, `${column.label} ${end}`, (value) => (type === "date" ? does(value) : filters.later(() => does(value)))), end];
  });
  const row = document.createElement("div");
  row.className = "range";
  row.append(ends[0][1], "–", ends[1][1]);
  return {
    node: field(column, row),
    draw: (address) => ends.forEach(([name, made]) => fill(made, address.get(name) ?? "")),
    said: (address) => {
      const parts = ends.filter(([name]) => address.get(name)).map(([name, , end]) => `${end} ${address.get(name)}`);
      return parts.length ? `${column.label} ${parts.join(" ")}` : null;
    },
    nothing: () => Object.fromEntries(ends.map(([name]) => [name, null])),
  };
}

function choice(column, table) {
  const name = column.name;
  const labels = new Map([["", "(none)"]]);
  const node = document.createElement("details");
  node.className = "choice";
  const summary = document.createElement("summary");
  const find = document.createElement("input");
  find.type = "search";
  find.placeholder = "Search";
  find.setAttribute("aria-label", `Search in ${column.label}`);
  const list = document.createElement("div");
  list.className = "options";
  list.setAttribute("role", "group");
  list.setAttribute("aria-label", column.label);
  const inside = document.createElement("div");
  inside.className = "choices";
  inside.append(find, list);
  node.append(summary, inside);

  const chosen = () => new Set(table.address.getAll(name));
  const label = (value) => labels.get(value) ?? table.names[name]?.[value] ?? words(value);

  async function offer() {
    const query = new URLSearchParams({ search: find.value });
    for (const kept of table.keep) if (table.address.has(kept)) query.set(kept, table.address.get(kept));
    const found = await call("GET", `${table.api}/choices/${name}?${query}`);
    const options = found.map(({ value, label: named, count }) => {
      const key = value === null ? "" : String(value);
      labels.set(key, value === null ? "(none)" : (named ?? words(key)));
      return [key, count];
    });
    list.replaceChildren(
      ...options.map(([value, count]) => {
        const line = document.createElement("label");
        const box = document.createElement("input");
        box.type = "checkbox";
        box.value = value;
        box.checked = chosen().has(value);
        box.addEventListener("change", () => {
          const now = chosen();
          if (box.checked) now.add(value);
          else now.delete(value);
          table.ask({ [name]: now.size ? [...now] : null });
        });
        line.append(box, ` ${label(value)} `, Object.assign(document.createElement("small"), { textContent: count.toLocaleString() }));
        return line;
      }),
    );
    if (!options.length) list.textContent = "Nothing like that here.";
  }

  let typing;
  find.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(offer, 150);
  });
  node.addEventListener("toggle", () => node.open && offer());
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !node.open) return;
    event.stopPropagation();
    node.open = false;
    summary.focus();
  });
  document.addEventListener("click", (event) => {
    if (node.open && !node.contains(event.target)) node.open = false;
  });
  return {
    node,
    draw: () => {
      const now = chosen();
      summary.textContent = now.size ? `${column.label} (${now.size})` : column.label;
      for (const box of list.querySelectorAll("input")) box.checked = now.has(box.value);
    },
    said: (address) => {
      const now = address.getAll(name);
      return now.length ? `${column.label}: ${now.map(label).join(", ")}` : null;
    },
    nothing: () => ({ [name]: null }),
  };
}
