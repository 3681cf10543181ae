// The moves on the lead page (M1, E3): the dialog of each, and the offer to move a lead that somebody has already.

import { element } from "./dom.js";
import { askForMove } from "./move-dialog.js";
import { doOrOverride } from "./overrides.js";

/** @import { Answer } from "./types.d.ts" */
/** @import { Question } from "./move-dialog.js" */
/** @import { Body } from "./overrides.js" */

/**
 * What the page offers after an action that failed.
 * @typedef {object} PerformOptions
 * @property {(answer: Answer) => HTMLElement[]} [onLost] if another has the lead
 */

/**
 * @callback Perform sends an action and shows the answer
 * @param {{type: string} & Record<string, unknown>} body
 * @param {string} done the message after success
 * @param {PerformOptions} [options]
 * @returns {Promise<Answer | null>} null if the console did not accept it
 */

/**
 * Makes the function that asks for a move and performs it.
 * @param {string} lead its id
 * @param {Perform} perform
 * @returns {(button: HTMLElement) => Promise<void>} gets the button of the move
 */
export function leadMoves(lead, perform) {
  /**
   * @param {HTMLElement} button
   * @param {Partial<Question>} [given]
   */
  async function move(button, given = {}) {
    const { move: type = "", title = "", effect = "", done = "", to, needsWhy, field, legend } = button.dataset;
    /** @type {[id: string, label: string][]} */
    const choices = JSON.parse(button.dataset.choices ?? "[]");
    const label = (button.textContent ?? "").replace("…", "").trim();
    const reps = to === undefined ? "none" : "one";
    const why = needsWhy !== undefined;
    const chosen = await askForMove({ title, effect, label, reps, why, lead, legend, choices, ...given });
    if (!chosen) return;
    const [[rep, name] = [undefined, ""]] = chosen.reps;
    const onLost = rep && type === "assign" ? () => offerMove({ rep_id: rep, name }) : undefined;
    const send = (/** @type {Body} */ body) => perform(body, done.replace("{to}", name), { onLost });
    const named = field ? { [field]: chosen.choice } : {};
    await doOrOverride({ type, to_rep_id: rep, why: chosen.why || undefined, ...named }, send);
  }

  /**
   * Makes a button that moves the lead from the rep who has it to the rep it was to be assigned to.
   * @param {{rep_id: string, name: string}} chosen
   */
  function offerMove(chosen) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `Move it to ${chosen.name} …`;
    button.addEventListener("click", () => {
      const reassign = document.querySelector('[data-move="reassign"]');
      if (reassign instanceof HTMLElement) move(reassign, { chosen });
    });
    return [button];
  }

  return (button) => move(button);
}

/**
 * Sets up the dialog in which an admin allows claims once more, if the page has it.
 * @param {Perform} perform
 */
export function setUpReopenForClaims(perform) {
  const dialog = document.getElementById("reopen");
  if (!(dialog instanceof HTMLDialogElement)) return;
  element("[data-cancel]", dialog).addEventListener("click", () => dialog.close());
  dialog.addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close();
    perform({ type: "reopen_claimable" }, "The lead may be claimed once more.");
  });
}
