// Corrects facts on the lead page (M2): a form of the facts, each problem beside its field.

import { act, messageOf } from "./api.js";
import { element, elements, finder } from "./dom.js";
import { sentence } from "./format.js";

/** @import { Answer } from "./types.d.ts" */

/**
 * Sets up the form, if the page has it.
 * @param {string} path of the lead's actions
 * @param {(answer: Answer) => void} onDone is called after a correction
 * @returns {() => void} opens the form with the facts that the page shows
 */
export function setUpCorrection(path, onDone) {
  const dialog = document.getElementById("correct");
  if (!(dialog instanceof HTMLDialogElement)) return () => {};
  const find = finder(dialog);
  const form = find("form", "form");
  const ok = find("[data-ok]", "button");
  const problem = find("[data-problem]");
  /** @type {Record<string, string>} the values when the form was opened */
  let before = {};
  let key = "";
  const fields = () => [...elements("[data-field]", form, "input"), ...elements("[data-field]", form, "select")];

  /**
   * Shows each reason beside its field, and the text below the form.
   * @param {Record<string, string>} reasons by field
   * @param {string} text
   */
  function showProblems(reasons, text) {
    /** @type {HTMLElement | null} */
    let first = null;
    for (const field of fields()) {
      const message = find(`#${field.id}-problem`);
      const reason = reasons[field.name] ?? "";
      message.textContent = reason;
      message.hidden = reason === "";
      field.toggleAttribute("aria-invalid", reason !== "");
      if (reason) {
        field.setAttribute("aria-invalid", "true");
        field.setAttribute("aria-describedby", message.id);
        first ??= field;
      } else {
        field.removeAttribute("aria-describedby");
      }
    }
    problem.textContent = text;
    problem.hidden = text === "";
    (first ?? (text ? ok : null))?.focus();
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    /** @type {Record<string, string | null>} */
    const facts = {};
    for (const { name, value } of fields()) if (value.trim() !== before[name]) facts[name] = value.trim() || null;
    if (!Object.keys(facts).length) return showProblems({}, "Nothing is changed yet.");
    ok.disabled = true;
    try {
      const why = find("#correct-why", "textarea").value.trim() || undefined;
      const answer = await act(path, { type: "update", facts, why }, { done: "The lead is corrected." }, key);
      key = crypto.randomUUID(); // The next attempt is another action.
      if (answer.result === "done") {
        dialog.close();
        onDone(answer);
      } else {
        const reasons = reasonsOf(answer.why ?? "");
        const known = fields().some((field) => reasons[field.name]);
        showProblems(reasons, known ? "" : sentence(answer.words ?? answer.why ?? "refused"));
      }
    } catch (error) {
      showProblems({}, messageOf(error));
    } finally {
      ok.disabled = false;
    }
  });
  find("[data-cancel]").addEventListener("click", () => dialog.close());

  return () => {
    /** @type {Record<string, string | null>} */
    const values = JSON.parse(element("[data-correctable]").dataset.correctable ?? "{}");
    before = {};
    key = crypto.randomUUID();
    form.reset();
    for (const field of fields()) {
      field.value = values[field.name] ?? "";
      before[field.name] = field.value;
    }
    showProblems({}, "");
    dialog.showModal();
    fields()[0]?.focus();
  };
}

/**
 * Splits the engine's answer into the reason of each field: "facts.state: is no state; facts.zip: …".
 * @param {string} why
 * @returns {Record<string, string>}
 */
function reasonsOf(why) {
  return Object.fromEntries(
    why.split(/; (?=facts\.)/).flatMap((part) => {
      const found = /^facts\.([a-z_]+): (.*)$/s.exec(part);
      return found ? [[found[1], found[2]]] : [];
    }),
  );
}
