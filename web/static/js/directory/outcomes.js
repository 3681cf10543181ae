// The org's outcomes: their order and words, which of them close a lead, and which forbid contact (D2, M8).

import { outcomeLabel, valueLabel } from "../format.js";
import { say } from "../say.js";
import { button, field, framed, make } from "./fields.js";

/** @import { Field } from "./fields.js" */
/** @import { FieldError } from "../types.d.ts" */

/** What an outcome may do: the name of the setting, its default, and the words. */
const EFFECTS = /** @type {const} */ ([
  ["closing_outcomes", ["closed_won", "closed_lost", "do_not_contact"], "closes the lead"],
  ["do_not_contact_outcomes", ["do_not_contact"], "forbids contact"],
]);
const LONGEST = 80; // models/publication_fields.py

/**
 * Makes the table of the outcomes, as the fields of the settings that it changes.
 * @param {Record<string, any>} settings
 * @param {string[]} known the outcomes of the org's list, queues and settings, in the org's order
 * @returns {Field[]}
 */
export function outcomes(settings, known) {
  const { node, container } = framed(
    "outcomes",
    "Edit Outcomes",
    "The org's outcomes, in the order in which people choose them. People read the words; programs keep the value. Which outcomes a queue offers is chosen in the call queue builder.",
  );
  const chosen = EFFECTS.map(([name, standard]) => new Set(/** @type {string[]} */ (settings[name] ?? standard)));
  const names = [...new Set([...known, ...chosen.flatMap((outcomesOfEffect) => [...outcomesOfEffect])])];
  /** @type {Map<string, string>} */
  const labels = new Map(names.map((name) => [name, outcomeLabel(name)]));
  const rows = make("tbody");
  const head = ["Shown as", "It closes the lead", "It forbids contact", "Place"];
  const cells = head.map((text) => make("th", { scope: "col", textContent: text }));
  const table = make("table", { className: "outcomes" }, make("thead", {}, make("tr", {}, ...cells)), rows);
  const added = make("input", {
    maxLength: LONGEST,
    autocomplete: "off",
    placeholder: "Another outcome",
    "aria-label": "Another outcome",
  });
  const add = button("Add outcome", () => {
    const label = added.value.trim();
    const name = label.toLowerCase().replaceAll(/\s+/g, "_");
    if (!name) return added.focus();
    if (names.includes(name)) return say(`There is an outcome ${labels.get(name)} already.`);
    names.push(name);
    labels.set(name, label);
    added.value = "";
    touch();
    rows.lastElementChild?.querySelector("input")?.focus();
  });
  added.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    add.click();
  });
  container.append(make("div", { className: "scroll" }, table), make("p", { className: "tools" }, added, add));

  function touch() {
    node.dispatchEvent(new Event("change"));
    show();
  }

  /**
   * @param {string} name
   * @param {number} n
   */
  function row(name, n) {
    const shown = labels.get(name) ?? valueLabel(name);
    const words = make("input", { value: shown, maxLength: LONGEST, required: true, title: `Value: ${name}` });
    words.setAttribute("aria-label", `Words for ${shown}`);
    words.addEventListener("input", () => labels.set(name, words.value.trim()));
    const boxes = EFFECTS.map(([, , does], effect) => {
      const box = make("input", { type: "checkbox", checked: chosen[effect].has(name) });
      box.setAttribute("aria-label", `${shown} ${does}`);
      box.addEventListener("change", () => {
        if (box.checked) chosen[effect].add(name);
        else chosen[effect].delete(name);
      });
      return box;
    });
    const up = button("Up", () => {
      names.splice(n, 1);
      names.splice(n - 1, 0, name);
      touch();
      rows.children[n - 1]?.querySelector("button")?.focus();
      say(`${shown} is now ${n} of ${names.length}.`);
    });
    up.disabled = n === 0;
    up.setAttribute("aria-label", `Move ${shown} up`);
    const remove = button("Remove", () => {
      names.splice(n, 1);
      for (const outcomesOfEffect of chosen) outcomesOfEffect.delete(name);
      touch();
      add.focus();
      say(`${shown} is removed. Leads that have it keep it, and so do queues that offer it.`);
    });
    remove.className = "quiet";
    remove.setAttribute("aria-label", `Remove ${shown}`);
    const cells = [words, ...boxes, make("span", { className: "tools" }, up, remove)];
    return make("tr", { data: { outcome: name } }, ...cells.map((cell) => make("td", {}, cell)));
  }

  function show() {
    rows.replaceChildren(...names.map(row));
  }

  show();
  /**
   * Marks the words that two outcomes share, or none if nothing is wrong.
   * @param {FieldError[]} problems
   */
  function showProblems(problems) {
    if (!problems.length) return;
    const inputs = names.map((_, n) => /** @type {HTMLInputElement} */ (rows.children[n].querySelector("input")));
    const words = inputs.map((input) => input.value.trim().toLowerCase());
    for (const [n, input] of inputs.entries())
      if (words.indexOf(words[n]) !== words.lastIndexOf(words[n])) input.setAttribute("aria-invalid", "true");
  }

  const list = field("outcomes", node, () => names.map((name) => ({ outcome: name, label: labels.get(name) })));
  list.showProblems = showProblems;
  const effects = EFFECTS.map(([name], n) =>
    field(name, make("div", { hidden: true }), () => names.filter((outcome) => chosen[n].has(outcome))),
  );
  const fields = [list, ...effects];
  for (const event of ["input", "change"])
    node.addEventListener(event, ({ target }) => {
      if (target !== added) for (const each of fields) each.touched = true;
    });
  return fields;
}
