// Lets a manager override a licence or a cap that an assignment would break, with a reason that is recorded (M6).

import { sentence } from "./format.js";
import { askForMove } from "./move-dialog.js";

/** @import { Answer } from "./types.d.ts" */

/** @typedef {{type: string} & Record<string, unknown>} Body of an action */

/**
 * Sends an action. If it is refused and the person may override the refusal, asks for the reason and sends it again.
 * @param {Body} action
 * @param {(body: Body) => Promise<Answer | null>} send sends it and shows the answer; null if it was not accepted
 * @returns {Promise<Answer | null>} the last answer
 */
export async function doOrOverride(action, send) {
  let body = action;
  let answer = await send(body);
  while (answer?.override) {
    const why = await askForOverride(answer);
    if (why === null) break;
    body = { ...body, [answer.override]: true, why };
    answer = await send(body);
  }
  return answer;
}

/**
 * Asks for the reason to do it all the same.
 * @param {Answer} answer
 * @returns {Promise<string | null>} null if it was cancelled
 */
async function askForOverride(answer) {
  const chosen = await askForMove({
    title: "Assign it all the same?",
    effect: `${sentence(answer.problem ?? "")} The history will show that you decided it, and why.`,
    label: "Assign all the same",
    reps: "none",
    why: true,
  });
  return chosen?.why ?? null;
}
