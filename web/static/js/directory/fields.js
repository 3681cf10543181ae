// The parts of a form. A field that nobody changed keeps its published value exactly.

/** @import { FieldError, RuleBuilderElement } from "../types.d.ts" */

/**
 * One field of an object.
 * @typedef {object} Field
 * @property {string} name
 * @property {HTMLElement} node
 * @property {() => any} read returns undefined if the object has no such field
 * @property {boolean} touched
 * @property {(problems: FieldError[]) => void} [showProblems] for a field that shows its own problems
 */

let count = 0;

/**
 * Makes an element with properties, attributes (names with a hyphen, role, for, list), data and children.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [properties]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "data") Object.assign(node.dataset, value);
    else if (name.includes("-") || ["role", "for", "list"].includes(name)) node.setAttribute(name, value);
    else Object.assign(node, { [name]: value });
  }
  node.append(...children);
  return node;
}

/**
 * @param {string} text
 * @param {() => void} click
 * @param {Record<string, any>} [properties]
 */
export function button(text, click, properties = {}) {
  const node = make("button", { type: "button", textContent: text, ...properties });
  node.addEventListener("click", click);
  return node;
}

/**
 * Makes a label, an input, a hint and a place for the input's error message.
 * @param {string} name
 * @param {string} label
 * @param {HTMLElement} input
 * @param {string} [hint]
 */
function labelled(name, label, input, hint) {
  count += 1;
  const id = `field-${name}-${count}`;
  input.id = id;
  const notes = [make("p", { className: "problem", id: `${id}-problem`, hidden: true, data: { problem: "" } })];
  if (hint) notes.unshift(make("p", { className: "hint", id: `${id}-hint`, textContent: hint }));
  input.setAttribute("aria-describedby", notes.map((note) => note.id).join(" "));
  const title = make("label", { for: id, textContent: label });
  return make("div", { className: "field", data: { path: name } }, title, input, ...notes);
}

/**
 * Makes a field from a node that fires `input` or `change`.
 * @param {string} name
 * @param {HTMLElement} node
 * @param {() => any} read
 * @returns {Field}
 */
export function field(name, node, read) {
  const made = { name, node, read, touched: false };
  const touch = () => {
    made.touched = true;
  };
  for (const event of ["input", "change"]) node.addEventListener(event, touch);
  return made;
}

/**
 * Makes a heading above some of the fields. It has no value.
 * @param {string} textContent
 */
export function heading(textContent) {
  return field("", make("h3", { textContent }), () => undefined);
}

/**
 * @param {string} name
 * @param {string} label
 * @param {string | undefined} value
 * @param {{hint?: string, type?: string, suggestions?: string[]}} [options]
 */
export function text(name, label, value, { hint, type = "text", suggestions } = {}) {
  const input = make("input", { type, value: value ?? "", autocomplete: "off" });
  const node = labelled(name, label, input, hint);
  if (suggestions) {
    const options = suggestions.map((suggestion) => make("option", { value: suggestion }));
    const list = make("datalist", { id: `${input.id}-list` }, ...options);
    input.setAttribute("list", list.id);
    node.append(list);
  }
  return field(name, node, () => input.value.trim() || undefined);
}

/**
 * Makes a number field. An invalid number is sent as it was typed, so that the server reports the error.
 * @param {string} name
 * @param {string} label
 * @param {number | undefined} value
 * @param {{hint?: string, factor?: number}} [options] `factor`: published units per shown unit, such as 60 seconds per
 *   minute; the published number is an integer
 */
export function number(name, label, value, { hint, factor = 1 } = {}) {
  const shown = value === undefined ? "" : String(Number((value / factor).toFixed(3)));
  const input = make("input", { inputMode: "decimal", value: shown, autocomplete: "off" });
  return field(name, labelled(name, label, input, hint), () => {
    const typed = input.value.trim();
    if (!typed) return undefined;
    const found = Number(typed.replace(",", "."));
    if (!Number.isFinite(found)) return typed;
    return factor === 1 ? found : Math.round(found * factor);
  });
}

/** @type {[string, number][]} */
const UNITS = [
  ["hours", 3600],
  ["minutes", 60],
  ["seconds", 1],
];

/**
 * Makes a field of a length of time, with the largest unit in which the published seconds are a whole number.
 * @param {string} name
 * @param {string} label
 * @param {number | undefined} value in seconds
 * @param {{hint?: string}} [options]
 */
export function duration(name, label, value, { hint } = {}) {
  const [unit, size] = value ? (UNITS.find(([, seconds]) => value % seconds === 0) ?? UNITS[2]) : UNITS[1];
  const shown = value === undefined ? "" : String(value / size);
  const input = make("input", { inputMode: "decimal", value: shown, autocomplete: "off" });
  const options = UNITS.map(([text]) => make("option", { value: text, textContent: text }));
  const units = make("select", { "aria-label": `${label}, unit` }, ...options);
  units.value = unit;
  const node = labelled(name, label, input, hint);
  const pair = make("div", { className: "duration" });
  input.replaceWith(pair);
  pair.append(input, units);
  return field(name, node, () => {
    const typed = input.value.trim();
    if (!typed) return undefined;
    const found = Number(typed.replace(",", "."));
    const seconds = UNITS.find(([text]) => text === units.value)?.[1] ?? 1;
    return Number.isFinite(found) ? Math.round(found * seconds) : typed;
  });
}

/**
 * Shows a field only for some values of a choice. A hidden field keeps its published value.
 * @param {Field} choice
 * @param {Record<string, Field[]>} fieldsOf value -> the fields that it uses
 */
export function showByChoice(choice, fieldsOf) {
  const every = new Set(Object.values(fieldsOf).flat());
  const show = () => {
    const used = fieldsOf[String(choice.read())] ?? [...every];
    for (const field of every) field.node.hidden = !used.includes(field);
  };
  choice.node.addEventListener("change", show);
  show();
}

/**
 * @param {string} name
 * @param {string} label
 * @param {string | undefined} value
 * @param {[string, string][]} options values and labels
 * @param {{hint?: string}} [more]
 */
export function choice(name, label, value, options, { hint } = {}) {
  const input = make("select", {}, ...options.map(([key, text]) => make("option", { value: key, textContent: text })));
  input.value = value ?? options[0][0];
  return field(name, labelled(name, label, input, hint), () => input.value || undefined);
}

/**
 * @param {string} name
 * @param {string} label
 * @param {boolean} value
 * @param {{hint?: string}} [options]
 */
export function toggle(name, label, value, { hint } = {}) {
  const input = make("input", { type: "checkbox", checked: value });
  const node = labelled(name, label, input, hint);
  node.classList.add("toggle");
  node.prepend(input);
  return field(name, node, () => input.checked);
}

/**
 * @param {string} name
 * @param {string} label
 * @param {string[] | undefined} value
 * @param {{hint?: string}} [options]
 */
export function list(name, label, value, { hint } = {}) {
  const input = make("input", { value: (value ?? []).join(", "), autocomplete: "off" });
  return field(name, labelled(name, label, input, hint), () => {
    const parts = input.value.split(",").map((part) => part.trim());
    return parts.filter(Boolean);
  });
}

/**
 * Makes the frame of a field with several inputs. The inputs go into `container`.
 * @param {string} name
 * @param {string} legend
 * @param {string} [hint]
 */
export function framed(name, legend, hint) {
  const container = make("div");
  const node = make("fieldset", { data: { path: name } }, make("legend", { textContent: legend }));
  if (hint) node.append(make("p", { className: "hint", textContent: hint }));
  node.append(container, make("p", { className: "problem", hidden: true, data: { problem: "" } }));
  return { node, container };
}

/**
 * Makes the licence field: licences are not checked, or the rep is licensed in the given states.
 * @param {string} name
 * @param {string} label
 * @param {string[] | undefined} value
 * @param {string[]} codes of all states
 */
export function states(name, label, value, codes) {
  const { node, container } = framed(name, label);
  const isChecked = make("input", { type: "checkbox", checked: value !== undefined });
  const boxes = codes.map((code) => make("input", { type: "checkbox", value: code, checked: value?.includes(code) }));
  const labels = boxes.map((box) => make("label", { className: "state" }, box, box.value));
  const grid = make("div", { className: "states", role: "group", "aria-label": "States" }, ...labels);
  const tools = make(
    "p",
    { className: "tools" },
    button("All", () => check(true)),
    button("None", () => check(false)),
  );
  /** @param {boolean} isOn */
  function check(isOn) {
    for (const box of boxes) box.checked = isOn;
    node.dispatchEvent(new Event("change"));
  }
  function show() {
    grid.hidden = !isChecked.checked;
    tools.hidden = !isChecked.checked;
  }
  isChecked.addEventListener("change", show);
  const text = "Only leads of these states (otherwise licences are not checked)";
  container.append(make("label", { className: "inline" }, isChecked, text), tools, grid);
  show();
  return field(name, node, () => {
    return isChecked.checked ? boxes.filter((box) => box.checked).map((box) => box.value) : undefined;
  });
}

/**
 * Makes the field of a rule over the lead's fields. An empty rule means no rule.
 * @param {string} name
 * @param {string} label
 * @param {object | undefined} value
 * @param {string} hint
 */
export function rule(name, label, value, hint) {
  const { node, container } = framed(name, label, hint);
  const builder = /** @type {RuleBuilderElement} */ (document.createElement("rule-builder"));
  Object.assign(builder.dataset, { name, label, fieldsFrom: "#fields-data", value: JSON.stringify(value ?? null) });
  container.append(builder);
  const made = field(name, node, () => (builder.value.rules?.length ? builder.value : undefined));
  made.showProblems = (problems) => builder.dispatchEvent(new CustomEvent("rule-problems", { detail: problems }));
  return made;
}
