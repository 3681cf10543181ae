// Claims by one click (Q8): the button says at once that the claim is on its way, and the page's top says what became of it.

import { congratulate, hideAnswer, showAnswer } from "./answer-card.js";
import { act, messageOf, pendingActions } from "./api.js";
import { sentence, spaced } from "./format.js";
import { isLost } from "./live.js";

/** @import { Answer } from "./types.d.ts" */

const SLOW_MS = 1000; // A claim without an answer for so long is said to be on its way.
const SENT_AGAIN = "The connection is lost. The claim is sent again until it is answered, and counts once.";

export class Claims {
  /** @param {string} queue the queue's name in the API */
  constructor(queue) {
    this.queue = queue;
    /** @type {Map<string, string>} name by lead id, of the claims without an answer */
    this.sent = new Map();
    /** @type {(lead: string) => void} called when a claim was sent or answered */
    this.onChange = () => {};
    document.addEventListener("connection", () => {
      const [name] = this.sent.values();
      if (name) this.showOnItsWay(name);
    });
  }

  /**
   * Makes the button of a row.
   * @param {string} lead
   * @param {string} name
   */
  button(lead, name) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "claim";
    this.show(button, lead, name);
    button.addEventListener("click", () => this.claim(lead, name));
    return button;
  }

  /**
   * Shows in a row's button whether its claim is on its way.
   * @param {HTMLButtonElement} button
   * @param {string} lead
   * @param {string} name
   */
  show(button, lead, name) {
    const text = this.sent.has(lead) ? "Claiming …" : "Claim this Lead";
    button.textContent = text;
    button.setAttribute("aria-label", `${text.replace(" …", "")}: ${name}`);
    button.setAttribute("aria-disabled", String(this.sent.has(lead)));
  }

  /**
   * @param {string} lead
   * @param {string} name
   */
  async claim(lead, name) {
    if (this.sent.has(lead)) return;
    await this.send(lead, name, () => act(`/api/v1/leads/${lead}/claims`, { queue_id: this.queue }, { name }));
  }

  /** Sends claims whose answers this page has not seen again with the same id, so the answer is the same. */
  resume() {
    for (const [key, { path, body, note }] of Object.entries(pendingActions())) {
      const [, lead] = /^\/api\/v1\/leads\/([^/]+)\/claims$/.exec(path) ?? [];
      if (!lead) continue;
      const name = note.name ?? "The lead";
      this.send(lead, name, () => act(path, body, note, key));
      this.showOnItsWay(name);
    }
  }

  /**
   * @param {string} lead
   * @param {string} name
   * @param {() => Promise<Answer>} send
   */
  async send(lead, name, send) {
    this.sent.set(lead, name);
    this.onChange(lead);
    hideAnswer();
    if (isLost()) this.showOnItsWay(name);
    const slow = setTimeout(() => this.showOnItsWay(name), SLOW_MS);
    try {
      const answer = await send();
      this.sent.delete(lead);
      showOutcome(answer, name);
    } catch (error) {
      this.sent.delete(lead);
      showAnswer({ title: "This lead was not claimed", text: `${name}: ${messageOf(error)}`, isOver: true });
    } finally {
      clearTimeout(slow);
      this.onChange(lead);
    }
  }

  /** @param {string} name of the lead */
  showOnItsWay(name) {
    const text = isLost() ? SENT_AGAIN : "The claim is on its way, and has no answer yet.";
    showAnswer({ title: `Claiming ${name} …`, text, back: "Close" });
  }
}

/**
 * @param {Answer} answer
 * @param {string} name of the lead
 */
function showOutcome(answer, name) {
  if (answer.result === "won") {
    congratulate(answer.lead_id, name);
  } else if (answer.result === "lost") {
    const owner = answer.owner_name ?? answer.owner;
    showAnswer({ title: "Lead already claimed", text: `${owner} has ${name}.`, isOver: true });
  } else {
    const reason = answer.problem ?? answer.why ?? spaced(answer.reason ?? "refused");
    showAnswer({ title: "This lead cannot be claimed", text: `${name}: ${sentence(reason)}`, isOver: true });
  }
}
