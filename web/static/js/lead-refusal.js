// What the lead page says if an action is refused, or if the lock has expired (D1, D2).

import { element } from "./dom.js";
import { sentence, spaced } from "./format.js";
import { say } from "./say.js";

/** @import { Answer } from "./types.d.ts" */

export const refusal = element("[data-refused]");

/**
 * Shows that the lock has expired. An outcome may still be recorded until somebody else has the lead (D2).
 * @param {HTMLElement} line
 * @param {() => void} open opens the lead again
 */
export function showExpiredLock(line, open) {
  const text =
    "Your lock has expired, and the lead is back in its queues. You may still record an outcome until somebody else opens it.";
  const again = Object.assign(document.createElement("button"), { type: "button", textContent: "Open it again" });
  again.addEventListener("click", open);
  line.replaceChildren(text, " ", again);
  const badge = line.closest(".standing")?.querySelector(".badge");
  if (badge) badge.textContent = "Not open";
  say(text);
}

/**
 * @param {Answer} answer
 * @param {string} outcome of the action, in a word or two
 */
export function showRefusal(answer, outcome) {
  const reason = answer.problem ?? answer.why ?? spaced(answer.reason ?? "");
  const late = answer.reason === "lock_expired" ? "your lock had expired, and " : "";
  refusal.hidden = false;
  refusal.textContent = `${outcome}. ${sentence(late + reason)}`;
}

/**
 * Hides the reason, because the lead is no longer visible and the refusal already explains why.
 * @param {HTMLElement} container of the lead
 */
export function hideReason(container) {
  const reason = container.querySelector("[data-why]");
  if (reason instanceof HTMLElement) reason.hidden = true;
}
