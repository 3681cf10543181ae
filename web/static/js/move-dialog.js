// The dialog of a move (M1): what it will do, who gets the leads, how they are shared, and the reason.

import { element, finder } from "./dom.js";
import { RepList } from "./rep-list.js";

/**
 * What the dialog asks.
 * @typedef {object} Question
 * @property {string} title
 * @property {string} effect what the move will do, in a sentence
 * @property {string} label of the button
 * @property {"none" | "one" | "several"} reps how many reps may be chosen
 * @property {boolean} why whether it needs a reason
 * @property {string} [lead] the id of the lead, if it is one
 * @property {string} [without] the id of a rep who is not listed
 * @property {{rep_id: string, name: string}} [chosen] a rep who is chosen already
 * @property {string} [reason] given already
 * @property {string} [legend] says what is chosen from `choices`
 * @property {[id: string, label: string][]} [choices] one of them must be chosen
 */

/**
 * @typedef {object} Chosen
 * @property {Map<string, string>} reps their names by their ids
 * @property {string} why empty if none was asked
 * @property {"evenly" | "by_licence"} split
 * @property {string | undefined} choice the id, if there were choices
 */

/**
 * Asks what a move needs.
 * @param {Question} question
 * @returns {Promise<Chosen | null>} null if the dialog was cancelled
 */
export function askForMove(question) {
  const { title, effect, label, reps: howMany, why: needsWhy, lead, without, chosen, reason } = question;
  const choices = question.choices ?? [];
  const dialog = element("#move", document, "dialog");
  const find = finder(dialog);
  const form = find("form", "form");
  const why = find("#move-why", "textarea");
  const problem = find("[data-problem]");
  form.reset();
  why.value = reason ?? "";
  find("[data-title]").textContent = title;
  find("[data-effect]").textContent = effect;
  find("[data-ok]").textContent = label;
  find("[data-part=reps]").hidden = howMany === "none";
  find("[data-part=split]").hidden = howMany !== "several";
  find("[data-part=why]").hidden = !needsWhy;
  find("[data-part=choice]").hidden = !choices.length;
  find("[data-legend]").textContent = question.legend ?? "";
  const options = choices.map(([id, text]) => choiceOption(id, text, choices.length === 1));
  find("[data-choices]").replaceChildren(...options.map(({ line }) => line));
  showProblem("");

  /** @param {string} text */
  function showProblem(text) {
    problem.textContent = text;
    problem.hidden = text === "";
    if (text && needsWhy && !why.value.trim()) why.setAttribute("aria-invalid", "true");
    else why.removeAttribute("aria-invalid");
  }

  return new Promise((resolve) => {
    const listeners = new AbortController();
    const { signal } = listeners;
    /** @type {RepList | null} */
    let list = null;
    /** @param {Chosen | null} result */
    const end = (result) => {
      listeners.abort();
      list?.end();
      if (dialog.open) dialog.close();
      resolve(result);
    };
    const submit = () => {
      const reason = why.value.trim();
      const choice = options.find(({ radio }) => radio.checked)?.radio.value;
      if (options.length && choice === undefined) {
        showProblem("Choose one.");
        options[0].radio.focus();
      } else if (list && !list.picked.size) {
        showProblem("Choose a rep.");
        list.search.focus();
      } else if (needsWhy && !reason) {
        showProblem("Write the reason.");
        why.focus();
      } else {
        const split = new FormData(form).get("split") === "by_licence" ? "by_licence" : "evenly";
        end({ reps: list?.picked ?? new Map(), why: needsWhy ? reason : "", split, choice });
      }
    };
    if (howMany !== "none") {
      const parts = {
        search: find("[data-find]", "input"),
        list: find("[data-reps]"),
        chosen: find("[data-chosen-reps]"),
      };
      const onEnter = () => (needsWhy && !why.value.trim() ? why.focus() : submit());
      const onChange = () => showProblem("");
      list = new RepList(parts, { several: howMany === "several", lead, without, onChange, onEnter });
      if (chosen) list.pick(chosen.rep_id, chosen.name);
    }
    form.addEventListener(
      "submit",
      (event) => {
        event.preventDefault();
        submit();
      },
      { signal },
    );
    why.addEventListener("input", () => showProblem(""), { signal });
    find("[data-cancel]").addEventListener("click", () => end(null), { signal });
    // The event of an earlier question may come after this one was opened.
    dialog.addEventListener("close", () => dialog.open || end(null), { signal });
    dialog.showModal();
    const first = options.length > 1 ? options[0].radio : needsWhy ? why : find("[data-ok]");
    (list && !chosen ? list.search : first).focus();
  });
}

/**
 * Makes a radio button of the dialog's choices, with its text.
 * @param {string} id
 * @param {string} text
 * @param {boolean} isChosen
 */
function choiceOption(id, text, isChosen) {
  const line = document.createElement("label");
  line.className = "check";
  const radio = document.createElement("input");
  radio.type = "radio";
  radio.name = "choice";
  radio.value = id;
  radio.checked = isChosen;
  line.append(radio, ` ${text}`);
  return { line, radio };
}
