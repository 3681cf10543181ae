// The table of the attributes with a type: how the org's engine reads them (C4).

import { button, field, framed, make } from "./fields.js";

/** @import { Field } from "./fields.js" */

/** @type {[string, string][]} */
const TYPES = [
  ["number", "Number: $12,000 or 12k is 12,000"],
  ["text", "Text: as it was sent"],
  ["date", "Date"],
  ["boolean", "Yes or no"],
];
const MAX_TYPES = 200;

/**
 * Makes the table. A name without text is no attribute.
 * @param {Record<string, string> | undefined} given attribute -> type
 * @returns {Field}
 */
export function attributeTypes(given) {
  const { node, container } = framed(
    "attribute_types",
    "Types of attributes",
    "How attributes of new leads are read, so that rules compare numbers as numbers and days as days. What cannot be read as its type is kept apart. Leads that are there stay as they are.",
  );
  /** @type {[string, string][]} */
  const typed = Object.entries(given ?? {});
  const rows = make("tbody");
  const head = ["Attribute", "It is", ""].map((text) => make("th", { scope: "col", textContent: text }));
  const table = make("table", { className: "attribute-types" }, make("thead", {}, make("tr", {}, ...head)), rows);
  const add = button("Add attribute", () => {
    if (typed.length >= MAX_TYPES) return;
    typed.push(["", "number"]);
    show();
    rows.lastElementChild?.querySelector("input")?.focus();
  });
  container.append(make("div", { className: "scroll" }, table), make("p", { className: "tools" }, add));
  const changed = () => node.dispatchEvent(new Event("change"));

  function show() {
    table.hidden = typed.length === 0;
    add.disabled = typed.length >= MAX_TYPES;
    rows.replaceChildren(...typed.map(row));
  }

  /**
   * @param {[string, string]} entry
   * @param {number} at
   */
  function row(entry, at) {
    const name = make("input", { value: entry[0], maxLength: 100, autocomplete: "off", "aria-label": "Attribute" });
    name.addEventListener("input", () => {
      entry[0] = name.value;
      changed();
    });
    const options = TYPES.map(([key, text]) => make("option", { value: key, textContent: text }));
    const type = make("select", { "aria-label": "It is" }, ...options);
    type.value = entry[1];
    type.addEventListener("change", () => {
      entry[1] = type.value;
      changed();
    });
    const remove = button("Remove", () => {
      typed.splice(at, 1);
      changed();
      show();
      add.focus();
    });
    return make("tr", {}, ...[name, type, remove].map((part) => make("td", {}, part)));
  }

  show();
  return field("attribute_types", node, () => {
    const named = typed.map(([name, type]) => [name.trim(), type]).filter(([name]) => name);
    return Object.fromEntries(named);
  });
}
