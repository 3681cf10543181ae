// The form of a queue or of a view. It is drawn from a value, and read back as a value.

import { control, element, elements, targetOf } from "./dom.js";
import { outcomeLabel, outcomeOf, problemText, valueLabel } from "./format.js";

/** @import { Column, FieldError } from "./types.d.ts" */

/** @typedef {Record<string, any>} Value of a queue or a view, as it is published */
/** @typedef {{fields: Column[], teams: string[], outcomes: string[]}} Page the data from web/pages/queue_builder.py */
/** @typedef {"inclusion" | "exclusion"} Rules */

const COLUMNS = 10;
const RULES = /** @type {Rules[]} */ (["inclusion", "exclusion"]);

/**
 * Counts the conditions of a rule.
 * @param {any} rule
 * @returns {number}
 */
function conditionCount(rule) {
  /** @type {any[]} */
  const parts = rule?.rules ?? [];
  return parts.reduce((sum, part) => sum + (part.rules ? conditionCount(part) : 1), 0);
}

/**
 * Draws a queue.
 * @param {HTMLFormElement} form
 * @param {Page} page
 * @param {Value} value
 * @param {() => void} onChange
 */
export function drawQueue(form, page, value, onChange) {
  control(form, "name").value = value.name ?? "";
  control(form, "description").value = value.description ?? "";
  control(form, "claimable").checked = value.claimable === true;
  drawQuery(form, page.fields, value);
  drawTeams(form, page.teams, value.teams ?? ["*"]);
  drawOutcomes(form, page.outcomes, value.outcomes ?? [], onChange);
  applyClaimable(form, false);
  form.addEventListener("input", (event) => changesValue(event) && onChange());
  form.addEventListener("change", (event) => {
    const name = targetOf(event).getAttribute("name");
    if (name === "claimable") applyClaimable(form, true);
    if (name === "access") applyAccess(form);
    if (changesValue(event)) onChange();
  });
}

/**
 * Draws the parts that queues and views share: columns, rules and order.
 * @param {HTMLFormElement} form
 * @param {Column[]} fields
 * @param {Value} value
 */
export function drawQuery(form, fields, value) {
  drawColumns(form, fields, value.columns ?? []);
  const sortField = element("[name=sort-field]", form, "select");
  sortField.replaceChildren(...fields.map(({ name, label }) => new Option(label, name)));
  sortField.value = value.sort?.field ?? "arrived_at";
  element("[name=sort-direction]", form, "select").value = value.sort?.direction ?? "asc";
  for (const name of RULES) drawRules(form, name, value[name]);
  form.addEventListener("change", (event) => {
    const changed = RULES.find((name) => name === targetOf(event).getAttribute("name"));
    if (changed) showCount(form, changed);
  });
}

/**
 * Reads the parts that queues and views share.
 * @param {HTMLFormElement} form
 * @returns {Value}
 */
export function queryOf(form) {
  return {
    columns: elements("[data-columns] select", form, "select")
      .map((select) => select.value)
      .filter(Boolean),
    inclusion: JSON.parse(control(form, "inclusion").value),
    exclusion: JSON.parse(control(form, "exclusion").value),
    sort: { field: control(form, "sort-field").value, direction: control(form, "sort-direction").value },
  };
}

/**
 * Reads a queue.
 * @param {HTMLFormElement} form
 * @param {Value} before the source of values that the form does not show
 * @returns {Value}
 */
export function queueOf(form, before) {
  /** @param {string} name */
  const checked = (name) => elements(`input[name=${name}]:checked`, form, "input").map((box) => box.value);
  return {
    ...before,
    name: control(form, "name").value,
    description: control(form, "description").value,
    ...queryOf(form),
    teams: isForAllTeams(form) ? ["*"] : checked("team"),
    claimable: control(form, "claimable").checked,
    outcomes: checked("outcome"),
  };
}

/**
 * Shows each problem beside its condition, or in a list if it belongs to no condition.
 * @param {HTMLFormElement} form
 * @param {FieldError[]} problems
 */
export function showProblems(form, problems) {
  const list = element("[data-problems]", form);
  const others = problems.filter((problem) => !/^(in|ex)clusion/.test(problem.path));
  list.hidden = others.length === 0;
  list.replaceChildren(
    ...others.map((problem) =>
      Object.assign(document.createElement("li"), {
        textContent: `${valueLabel(problem.path.split(/[.[]/)[0] || "the view")}: ${problemText(problem)}`,
      }),
    ),
  );
  for (const builder of form.querySelectorAll("rule-builder")) {
    builder.dispatchEvent(new CustomEvent("rule-problems", { detail: problems }));
  }
}

/**
 * Tells whether an event changes the value. The search for a lead and unfinished input do not.
 * @param {Event} event
 */
function changesValue(event) {
  const target = targetOf(event);
  const name = target.getAttribute("name") ?? "";
  const type = target instanceof HTMLInputElement ? target.type : "";
  if (["about", "new-outcome"].includes(name)) return false;
  if (event.type === "input" && !["text", "search"].includes(type)) return false;
  return !target.closest("rule-builder") || type === "hidden";
}

/**
 * @param {HTMLFormElement} form
 * @param {Column[]} fields
 * @param {string[]} chosen
 */
function drawColumns(form, fields, chosen) {
  const container = element("[data-columns]", form);
  for (let n = 0; n < Math.max(COLUMNS, chosen.length); n += 1) {
    const select = document.createElement("select");
    select.setAttribute("aria-label", `Column ${n + 1}`);
    select.append(new Option("None", ""), ...fields.map(({ name, label }) => new Option(label, name)));
    const name = chosen[n];
    if (name && !fields.some((field) => field.name === name)) select.append(new Option(name, name));
    select.value = name ?? "";
    container.append(select);
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {Rules} name
 * @param {unknown} rule
 */
function drawRules(form, name, rule) {
  const builder = document.createElement("rule-builder");
  const label = name === "inclusion" ? "Inclusion rules" : "Exclusion rules";
  Object.assign(builder.dataset, { name, label, fieldsFrom: "#fields-data", value: JSON.stringify(rule ?? null) });
  element(`[data-rules=${name}]`, form).append(builder);
  showCount(form, name);
}

/**
 * @param {HTMLFormElement} form
 * @param {Rules} name
 */
function showCount(form, name) {
  const count = conditionCount(JSON.parse(control(form, name).value));
  element(`[data-count=${name}]`, form).textContent = `(${count})`;
}

/**
 * @param {string} name
 * @param {string} value
 * @param {boolean} checked
 * @param {string} [text] that people read for the value
 */
function checkbox(name, value, checked, text = value) {
  const label = document.createElement("label");
  label.className = "check";
  const input = Object.assign(document.createElement("input"), { type: "checkbox", name, value, checked });
  label.append(input, text);
  return label;
}

/**
 * @param {HTMLFormElement} form
 * @param {string[]} known
 * @param {string[]} chosen
 */
function drawTeams(form, known, chosen) {
  const names = [...new Set([...known, ...chosen])].filter((team) => team !== "*").sort();
  const boxes = names.map((team) => checkbox("team", team, chosen.includes(team)));
  element("[data-team-list]", form).append(...boxes);
  const access = chosen.includes("*") ? "all" : "selected";
  for (const radio of elements("input[name=access]", form, "input")) radio.checked = radio.value === access;
  applyAccess(form);
}

/** @param {HTMLFormElement} form */
function isForAllTeams(form) {
  return element("input[name=access][value=all]", form, "input").checked;
}

/** @param {HTMLFormElement} form */
function applyAccess(form) {
  const all = isForAllTeams(form);
  for (const input of elements("input[name=team]", form, "input")) input.disabled = all;
}

/**
 * @param {HTMLFormElement} form
 * @param {string[]} known
 * @param {string[]} chosen
 * @param {() => void} onChange
 */
function drawOutcomes(form, known, chosen, onChange) {
  const container = element("[data-outcome-list]", form);
  const names = [...new Set([...known, ...chosen])];
  container.append(
    ...names.map((outcome) => checkbox("outcome", outcome, chosen.includes(outcome), outcomeLabel(outcome))),
  );
  const input = control(form, "new-outcome");
  const add = () => {
    const name = outcomeOf(input.value.trim(), names);
    if (!name) return;
    const there = elements("input", container, "input").find((box) => box.value === name);
    if (there) there.checked = true;
    else container.append(checkbox("outcome", name, true, outcomeLabel(name)));
    input.value = "";
    onChange();
  };
  element("[data-add-outcome]", form).addEventListener("click", add);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    add();
  });
}

/**
 * Disables the outcomes of a claimable queue (Q5).
 * @param {HTMLFormElement} form
 * @param {boolean} clear whether to clear the outcomes as well; they are not restored later
 */
function applyClaimable(form, clear) {
  const isClaimable = control(form, "claimable").checked;
  element("[data-outcomes]", form, "fieldset").disabled = isClaimable;
  if (!isClaimable || !clear) return;
  for (const box of elements("[data-outcomes] input[name=outcome]", form, "input")) box.checked = false;
}
