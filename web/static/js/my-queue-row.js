// The parts of a row in My queue besides the lead's columns: its offer, its callback, and the actions (D3, D4).

import { dateAndTime, timeLeft } from "./format.js";
import { isNewLead, isOffer, isRing, offers, timeLeftLabel } from "./offers.js";
import { doNotCall } from "./row-parts.js";
import { callButton, hasTelephone } from "./telephone.js";

/** @import { BoardRow } from "./types.d.ts" */

/** @param {BoardRow} row */
export function badges(row) {
  const { callback_at } = row.columns;
  const uncalled = row.columns.may_call === false ? [doNotCall()] : [];
  if (isOffer(row)) {
    const kind = isRing(row) ? "Rings" : isNewLead(row) ? "New" : "Offer";
    return [badge(kind, "offer"), ...uncalled, offers.reasonPlace(row.lead_id)];
  }
  if (!callback_at) return uncalled;
  const isDue = timeLeft(callback_at) === null;
  return [isDue ? badge("Call due", "due") : badge(`Call at ${dateAndTime(callback_at)}`, ""), ...uncalled];
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
