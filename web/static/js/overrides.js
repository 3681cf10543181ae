// Lets a manager override a licence or a cap that an assignment would break, with a reason that is recorded (M6).

import { sentence } from "./format.js";
import { askForMove } from "./move-dialog.js";

/** @import { Answer } from "./types.d.ts" */

/** @type {Record<string, string>} the reason of a refusal -> the field of the action that overrides it */
const FIELDS = { not_licensed: "override_licence", at_cap: "override_cap" };

/**
 * Names the field that overrides what an answer refuses.
 * @param {Answer} answer
 * @returns {string | null} null if nobody may override it
 */
export function overrideOf(answer) {
  return answer.result === "refused" ? (FIELDS[answer.reason ?? ""] ?? null) : null;
}

/**
 * Says what the answer refuses. The rest of the server's sentence is for programs.
 * @param {Answer} answer
 */
export function refusalOf(answer) {
  const [problem = ""] = (answer.words ?? answer.why ?? "").split("; a manager may");
  return sentence(problem);
}

/**
 * Asks for the reason to do it all the same.
 * @param {Answer} answer
 * @returns {Promise<string | null>} null if it was cancelled
 */
export async function askForOverride(answer) {
  const chosen = await askForMove({
    title: "Assign it all the same?",
    effect: `${refusalOf(answer)} The history will show that you decided it, and why.`,
    label: "Assign all the same",
    reps: "none",
    why: true,
  });
  return chosen?.why ?? null;
}
