// The parts of a row in My queue besides the lead's columns: its offer, its callback, and the actions (D3, D4).

import { dateAndTime, timeLeft } from "./format.js";
import { isNewLead, isOffer, isRing, offers, timeLeftLabel } from "./offers.js";
import { doNotCall } from "./row-parts.js";
import { callButton, hasTelephone } from "./telephone.js";

/** @import { BoardRow } from "./types.d.ts" */

/** @type {Record<string, string>} how a lead became the person's */
const HOW = {
  claim: "You claimed it.",
  claim_now: "You claimed it while you had it open.",
  callback: "You promised to call back.",
  round_robin: "You got it in your turn.",
  roster: "You got it as the next on the roster.",
  ring_all: "You pressed 1 first.",
  distribute_all: "You were the first to click New Lead.",
  manual: "It was assigned to you.",
  reassigned: "You got it from its former owner.",
  pre_assigned: "It arrived assigned to you.",
};

/** @param {BoardRow} row */
export function badges(row) {
  const { callback_at } = row.columns;
  const uncalled = row.columns.may_call === false ? [doNotCall()] : [];
  if (isOffer(row)) {
    const kind = isRing(row) ? "Rings" : isNewLead(row) ? "New" : "Offer";
    return [badge(kind, "offer"), ...uncalled, offers.reasonLabel(row.lead_id)];
  }
  const why = whyMine(row);
  if (!callback_at) return [...uncalled, ...why];
  const isDue = timeLeft(callback_at) === null;
  return [isDue ? badge("Call due", "due") : badge(`Call at ${dateAndTime(callback_at)}`, ""), ...uncalled, ...why];
}

/**
 * Says how the person got the lead, in the place where an offer has its reason.
 * @param {BoardRow} row
 */
function whyMine({ columns }) {
  const text = HOW[columns.how ?? ""];
  return text ? [Object.assign(document.createElement("small"), { className: "row-reason", textContent: text })] : [];
}

/**
 * @param {string} text
 * @param {string} kind
 */
function badge(text, kind) {
  return Object.assign(document.createElement("span"), { className: `badge ${kind}`, textContent: text });
}

/** @param {BoardRow} row */
export function myQueueActions(row) {
  if (isOffer(row)) return [timeLeftLabel(row), ...offers.buttons(row)];
  const link = document.createElement("a");
  link.className = "button";
  link.href = `/leads/${row.lead_id}`;
  link.textContent = "Open";
  link.setAttribute("aria-label", `Open ${row.columns.name}`);
  const calls = hasTelephone() && row.columns.may_call !== false ? callButton(row.lead_id, row.columns.name) : null;
  return calls ? [calls, link] : [link];
}
