// The callback of the lead page (D4): a date, a time and a time zone, or none of them.

import { element } from "./dom.js";
import { dateAndTime } from "./format.js";
import { fillZones, instantAt, OWN_ZONE } from "./time-zones.js";

/**
 * @typedef {object} Callback
 * @property {{instant: Date, text: string} | null} at null if no time was entered
 * @property {string | null} problem why the callback is invalid
 */

/**
 * Fills the time zones of the form, if the page has one.
 * @param {HTMLElement} container
 */
export function setUpCallback(container) {
  const zone = container.querySelector("#zone");
  if (!(zone instanceof HTMLSelectElement)) return;
  fillZones(zone, zone.dataset.zone);
}

/**
 * Reads the form.
 * @param {HTMLElement} container
 * @returns {Callback}
 */
export function callbackOf(container) {
  const date = element("#date", container, "input").value;
  const time = element("#time", container, "input").value;
  const zone = element("#zone", container, "select").value;
  if (!date && !time) return { at: null, problem: null };
  if (!date || !time) return { at: null, problem: `Choose a ${date ? "time" : "date"} as well, or neither.` };
  const instant = instantAt(date, time, zone);
  if (instant === null) return { at: null, problem: "Clocks there skip that time. Choose another." };
  if (instant <= new Date()) return { at: null, problem: "That is past. Choose a later time." };
  return { at: { instant, text: dateAndTime(instant) }, problem: null };
}

/**
 * Shows what the callback will do, or why it is invalid.
 * @param {HTMLElement} container
 */
export function showCallbackHint(container) {
  const hint = element("[data-hint]", container);
  const { at, problem } = callbackOf(container);
  hint.classList.toggle("wrong", problem !== null);
  if (problem) hint.textContent = problem;
  else if (at === null) hint.textContent = "Without a date the lead goes to the end of the queue and is not claimed.";
  else {
    const local = element("#zone", container, "select").value === OWN_ZONE ? "" : `: ${at.text} where you are`;
    hint.textContent = `The lead will be at the top of your queue then${local}.`;
  }
}
