// The managers' dialogs on the lead page: assign the lead, and reopen it for claims.

import { element } from "./dom.js";
import { say } from "./say.js";

/** @typedef {{rep_id: string, name: string}} Rep */

/**
 * Sets up the dialogs that the page has.
 * @param {Rep[]} reps
 * @param {(body: {type: string} & Record<string, unknown>, done: string) => Promise<boolean>} perform
 * @returns {(name: string) => void} opens a dialog by its name
 */
export function setUpDialogs(reps, perform) {
  if (document.getElementById("assign")) {
    const search = element("#find-rep", document, "input");
    search.addEventListener("input", () => listReps(reps, search.value));
    setUpDialog("assign", () => {
      const [rep] = element("#to-rep", document, "select").selectedOptions;
      if (rep) return () => perform({ type: "assign", to_rep_id: rep.value }, `Assigned to ${rep.text}.`);
      say("Choose a rep.");
      return null;
    });
    setUpDialog("reopen", () => () => perform({ type: "reopen_claimable" }, "The lead may be claimed once more."));
  }
  return (name) => {
    if (name === "assign") listReps(reps, "");
    element(`#${name}`, document, "dialog").showModal();
  };
}

/**
 * @param {string} name
 * @param {() => (() => void) | null} submit returns what to do after the dialog is closed; null leaves it open
 */
function setUpDialog(name, submit) {
  const dialog = element(`#${name}`, document, "dialog");
  element("[data-cancel]", dialog).addEventListener("click", () => dialog.close());
  dialog.addEventListener("submit", (event) => {
    event.preventDefault();
    const work = submit();
    if (!work) return;
    dialog.close();
    work();
  });
}

/**
 * @param {Rep[]} reps
 * @param {string} name or a part of it
 */
function listReps(reps, name) {
  const wanted = name.trim().toLowerCase();
  const found = reps.filter((rep) => rep.name.toLowerCase().includes(wanted));
  const select = element("#to-rep", document, "select");
  select.replaceChildren(...found.map((rep) => new Option(rep.name, rep.rep_id)));
  if (found.length) select.selectedIndex = 0;
}
