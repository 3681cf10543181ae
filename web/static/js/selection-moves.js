// The buttons that assign and move the selected leads of a list (M1).

import { moveLeads } from "./bulk-moves.js";
import { elements } from "./dom.js";

/** @import { Leads, Move } from "./bulk-moves.js" */

/**
 * Sets up the buttons that the list has.
 * @param {HTMLElement} list
 * @param {() => Leads} selected
 * @param {(isDone: boolean) => void} after is called after each move, also if it was cancelled
 */
export function setUpMoves(list, selected, after) {
  for (const button of elements("[data-move-chosen]", list, "button")) {
    const move = /** @type {Move} */ (button.dataset.moveChosen);
    button.addEventListener("click", async () => after((await moveLeads(move, selected())) !== null));
  }
}
