// The org's outcomes: which of them close a lead, and which of them forbid contact (D2, M8).

import { valueLabel } from "../format.js";
import { button, field, framed, make } from "./fields.js";

/** @import { Field } from "./fields.js" */

/** What an outcome may do: the name of the setting, its default, and the words. */
const EFFECTS = /** @type {const} */ ([
  ["closing_outcomes", ["closed_won", "closed_lost", "do_not_contact"], "closes the lead"],
  ["do_not_contact_outcomes", ["do_not_contact"], "forbids contact"],
]);

/**
 * Makes the table of the outcomes, as the fields of the settings that it changes.
 * @param {Record<string, any>} settings
 * @param {string[]} used the outcomes of the org's queues
 * @returns {Field[]}
 */
export function outcomes(settings, used) {
  const { node, place } = framed(
    "closing_outcomes",
    "Edit Outcomes",
    "Every outcome of the org's queues and settings. Which outcomes a queue offers is chosen in the call queue builder.",
  );
  const chosen = EFFECTS.map(([name, standard]) => new Set(/** @type {string[]} */ (settings[name] ?? standard)));
  const names = [...new Set([...used, ...chosen.flatMap((one) => [...one])])].sort();
  const rows = make("tbody");
  const head = ["Outcome", "Shown as", "It closes the lead", "It forbids contact"];
  const cells = head.map((text) => make("th", { scope: "col", textContent: text }));
  const table = make("table", { className: "outcomes" }, make("thead", {}, make("tr", {}, ...cells)), rows);
  const added = make("input", { maxLength: 200, autocomplete: "off", "aria-label": "Another outcome" });
  const add = button("Add outcome", () => {
    const name = added.value.trim().toLowerCase().replaceAll(/\s+/g, "_");
    if (!name || names.includes(name)) return added.focus();
    names.push(name);
    chosen[0].add(name); // An outcome that does nothing belongs to queues, not to the settings.
    added.value = "";
    node.dispatchEvent(new Event("change"));
    show();
    rows.lastElementChild?.querySelector("input")?.focus();
  });
  place.append(make("div", { className: "scroll" }, table), make("p", { className: "tools" }, added, add));

  function show() {
    rows.replaceChildren(
      ...names.map((name) => {
        const boxes = EFFECTS.map(([, , words], n) => {
          const box = make("input", { type: "checkbox", checked: chosen[n].has(name) });
          box.setAttribute("aria-label", `${valueLabel(name)} ${words}`);
          box.addEventListener("change", () => {
            if (box.checked) chosen[n].add(name);
            else chosen[n].delete(name);
            node.dispatchEvent(new Event("change"));
          });
          return make("td", {}, box);
        });
        const texts = [name, valueLabel(name)].map((text) => make("td", { textContent: text }));
        return make("tr", {}, ...texts, ...boxes);
      }),
    );
  }

  show();
  const read = chosen.map((one) => () => names.filter((name) => one.has(name)));
  const second = make("div", { hidden: true });
  const fields = [field(EFFECTS[0][0], node, read[0]), field(EFFECTS[1][0], second, read[1])];
  node.addEventListener("change", () => {
    for (const one of fields) one.touched = true;
  });
  return fields;
}
