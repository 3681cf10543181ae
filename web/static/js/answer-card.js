// The answer to a claim, in the reserved place at the page's top. It blocks nothing, and moves nothing.

import { element } from "./dom.js";
import { showInStrip } from "./strip.js";

/**
 * @typedef {object} AnswerCard
 * @property {string} title
 * @property {string} text
 * @property {string} [lead] the lead to look at
 * @property {boolean} [isOver] true for a claim that has failed
 * @property {string} [back] the label of the button that closes the card
 * @property {() => void} [onBack] called when that button is pressed
 */

/** @param {AnswerCard} card */
export function showAnswer({ title, text, lead, isOver = false, back = "Return to Call Queue", onBack = hideAnswer }) {
  const container = element("#answer");
  const made = document.createElement("div");
  made.className = isOver ? "answer over" : "answer";
  const words = document.createElement("div");
  words.append(
    Object.assign(document.createElement("h2"), { textContent: title }),
    Object.assign(document.createElement("p"), { textContent: text }),
  );
  made.append(words);
  if (lead) {
    const details = document.createElement("a");
    made.append(
      Object.assign(details, { className: "button", href: `/leads/${lead}`, textContent: "Go to Lead Details" }),
    );
  }
  const close = Object.assign(document.createElement("button"), { type: "button", textContent: back });
  close.addEventListener("click", onBack);
  made.append(close);
  container.replaceChildren(made);
  showInStrip(container);
}

/**
 * Shows that the person has won a lead.
 * @param {string} lead
 * @param {string} name
 * @param {string} [back]
 */
export function congratulate(lead, name, back) {
  const title = "Congratulations! You have a new lead";
  showAnswer({ title, text: `${name} has been added to your lead list.`, lead, back });
}

export function hideAnswer() {
  element("#answer").replaceChildren();
}
