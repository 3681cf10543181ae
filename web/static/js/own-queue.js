// What My queue shows beside a lead's columns: what it is offered for, whether its call is due, and what to do (D3, D4).

import { left, when } from "./format.js";
import { isOffer, isRace, offers, rings, time } from "./offers.js";

export function badge(row) {
  const { callback_at } = row.columns;
  if (isOffer(row)) return [mark(rings(row) ? "Rings" : isRace(row) ? "New" : "Offer", "offer")];
  if (!callback_at) return [];
  return left(callback_at) === null ? [mark("Call due", "due")] : [mark(`Call at ${when(callback_at)}`, "")];
}

function mark(text, kind) {
  const made = document.createElement("span");
  made.className = `badge ${kind}`;
  made.textContent = text;
  return made;
}

export function ownAction(row) {
  if (isOffer(row)) return [time(row), ...offers.buttons(row)];
  const link = document.createElement("a");
  link.className = "button";
  link.href = `/leads/${row.lead_id}`;
  link.textContent = "Open";
  link.setAttribute("aria-label", `Open ${row.columns.name}`);
  return [link];
}
