// The cards of offers and rings.

import { setText } from "./dom.js";
import { timeLeft, valueText } from "./format.js";

/** @import { BoardRow, OfferWords } from "./types.d.ts" */
/** @import { Call } from "./offers.js" */
/** @import { CallTimes } from "./row-times.js" */

/**
 * @param {{lead: string, epoch?: number}} offer
 * @param {string} kind
 * @param {string} text
 */
function card({ lead, epoch }, kind, text) {
  const made = document.createElement("div");
  made.className = kind;
  made.dataset.lead = lead;
  made.dataset.offer = `${lead} ${epoch}`;
  made.append(Object.assign(document.createElement("p"), { textContent: text }));
  return made;
}

/**
 * Makes the card of an offer that does not ring.
 * @param {BoardRow} row
 * @param {HTMLElement[]} buttons
 * @param {CallTimes} times
 */
export function offerCard(row, buttons, times) {
  const { method, name, epoch } = row.columns;
  const text = method === "distribute_all" ? `A new lead is available: ${name}` : `Offered to you: ${name}`;
  const made = card({ lead: row.lead_id, epoch }, "offer", text);
  const facts = Object.assign(document.createElement("small"), {
    className: "offer-facts",
    textContent: factsText(row),
  });
  if (facts.textContent) made.firstElementChild?.append(facts);
  // Where a lead is, is said only to a rep who alone has the offer (S1).
  if (row.columns.state) made.firstElementChild?.append(times.label(row.lead_id));
  // The place is kept for the reason, which comes a moment later.
  made.firstElementChild?.append(Object.assign(document.createElement("small"), { className: "offer-why" }));
  made.append(timeLeftLabel(row), ...buttons);
  return made;
}

/**
 * Writes the campaign's name and the reason into the card of an offer.
 * @param {HTMLElement} made
 * @param {BoardRow} row
 * @param {OfferWords | undefined} words
 */
export function showWords(made, row, words) {
  const [facts, why] = [".offer-facts", ".offer-why"].map((name) => made.querySelector(name));
  if (facts) setText(facts, [factsText(row), words?.campaign].filter(Boolean).join(" · "));
  if (why) setText(why, words?.reason ?? "");
}

/**
 * Says what the rep decides by. Who competes for a lead sees only its name (S1).
 * @param {BoardRow} row
 */
function factsText({ columns }) {
  const shown = ["state", "loan_purpose", "loan_amount"];
  return shown
    .map((name) => valueText({ name, type: name === "loan_amount" ? "number" : "text" }, columns[name]))
    .filter(Boolean)
    .join(" · ");
}

/**
 * Makes the card of a ring.
 * @param {Call} call
 * @param {{row: BoardRow | undefined, press: () => void, hangUp: () => void}} options `row`: the offer, while it lasts
 */
export function callCard({ stage, lead, name, epoch, text }, { row, press, hangUp }) {
  /** @type {Record<string, string>} */
  const texts = {
    ringing: `You have an available lead ${name}. Press 1 to accept or hang up to decline.`,
    won: `You have been assigned ${name}, press 1 again to be connected or hang up if you plan to reach out later.`,
    connected: `Calling ${name} …`,
  };
  const made = card({ lead, epoch }, "phone", texts[stage] ?? text ?? "");
  made.setAttribute("role", "alert");
  const isOpen = stage === "ringing" || stage === "won";
  if (stage === "ringing") made.append(timeLeftLabel(row));
  if (isOpen) {
    const effect = stage === "won" ? "be connected" : "accept";
    made.append(button("Press 1", `Press 1 to ${effect}`, "primary", press));
  }
  if (stage === "won" || stage === "connected" || stage === "kept") made.append(leadLink(lead, name));
  const end = isOpen ? "Hang up" : "Close";
  made.append(button(end, end, "", hangUp));
  return made;
}

/** @param {string} text of the link to My queue */
export function moreCard(text) {
  const made = card({ lead: "" }, "offer", "");
  const link = Object.assign(document.createElement("a"), { href: "/queues/mine", textContent: text });
  made.firstElementChild?.append(link);
  return made;
}

/** @param {BoardRow | undefined} row */
export function timeLeftLabel(row) {
  const until = row?.columns.until;
  const left = document.createElement("span");
  left.className = "left";
  if (until) left.dataset.offeredUntil = until;
  left.textContent = timeLeft(until ?? undefined) ?? "";
  const label = Object.assign(document.createElement("span"), { className: "time" });
  label.append(left, until ? " left" : "");
  return label;
}

/**
 * @param {string} text
 * @param {string} label for screen readers
 * @param {string} kind
 * @param {() => void} click
 */
export function button(text, label, kind, click) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text, className: kind });
  made.setAttribute("aria-label", label);
  made.addEventListener("click", click);
  return made;
}

/**
 * @param {string} lead
 * @param {string} name
 */
export function leadLink(lead, name) {
  const link = document.createElement("a");
  link.setAttribute("aria-label", `Look at ${name}`);
  return Object.assign(link, { className: "button", href: `/leads/${lead}`, textContent: "Look" });
}

/**
 * Removes a card. While the pointer is among the cards, it leaves an empty slot, so that no other card moves under it.
 * @param {HTMLElement} made
 */
export function remove(made) {
  const slot = Object.assign(document.createElement("div"), { className: "slot" });
  if (made.parentElement?.matches(":hover") && made.nextElementSibling) made.replaceWith(slot);
  else made.remove();
}

/**
 * Removes the empty slots when the pointer leaves the cards.
 * @param {HTMLElement} container
 */
export function closeSlots(container) {
  container.addEventListener("pointerleave", () => {
    for (const slot of container.querySelectorAll(".slot")) slot.remove();
  });
}
