// Claims by one click (Q8): the button says at once that the claim is on its way, and the page's top says what became of it.

import { congratulate, hideAnswer, showAnswer } from "./answer-card.js";
import { act, Cancelled, cancel, messageOf, pendingActions } from "./api.js";
import { sentence, spaced } from "./format.js";
import { isLost } from "./live.js";

/** @import { Answer } from "./types.d.ts" */

const SLOW_MS = 1000; // A claim without an answer for so long is said to be on its way.
const SENT_AGAIN = "The connection is lost. The claim is sent again until it is answered, and counts once.";
const CANCELLED_LATER =
  "The connection is lost. The claim is not sent again; whether it was cancelled in time is said here.";

export class Claims {
  /** @param {string} queue the queue's name in the API */
  constructor(queue) {
    this.queue = queue;
    /** @type {Map<string, {name: string, key: string, isCancelled: boolean}>} by lead id: the claims without an answer */
    this.sent = new Map();
    /** @type {(lead: string) => void} called when a claim was sent or answered */
    this.onChange = () => {};
    /** @type {(lead: string) => void} called when an answer says that somebody has the lead, so that its row goes */
    this.onTaken = () => {};
    document.addEventListener("connection", () => {
      const [lead] = this.sent.keys();
      if (lead) this.showOnItsWay(lead);
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
    const key = crypto.randomUUID();
    await this.send(lead, { name, key, isCancelled: false }, () =>
      act(pathOf(lead), { queue_id: this.queue }, { name }, key),
    );
  }

  /** Sends claims whose answers this page has not seen again with the same id, so the answer is the same. */
  resume() {
    for (const [key, { path, body, note }] of Object.entries(pendingActions())) {
      const [, lead] = /^\/api\/v1\/leads\/([^/]+)\/claims$/.exec(path) ?? [];
      if (!lead) continue;
      const claim = { name: note.name ?? "The lead", key, isCancelled: Boolean(note.isCancelled) };
      this.send(lead, claim, () => (claim.isCancelled ? cancel(path, note, key) : act(path, body, note, key)));
      this.showOnItsWay(lead);
    }
  }

  /**
   * @param {string} lead
   * @param {{name: string, key: string, isCancelled: boolean}} claim
   * @param {() => Promise<Answer>} send
   */
  async send(lead, claim, send) {
    this.sent.set(lead, claim);
    this.onChange(lead);
    hideAnswer();
    if (isLost()) this.showOnItsWay(lead);
    const slow = setTimeout(() => this.showOnItsWay(lead), SLOW_MS);
    try {
      const answer = await send();
      if (this.sent.get(lead) !== claim) return; // its cancellation says what became of it
      this.sent.delete(lead);
      (claim.isCancelled ? showCancelled : showOutcome)(answer, claim.name);
      if (answer.result === "won" || answer.result === "lost") this.onTaken(lead);
    } catch (error) {
      if (error instanceof Cancelled || this.sent.get(lead) !== claim) return;
      this.sent.delete(lead);
      showAnswer({ title: "This lead was not claimed", text: `${claim.name}: ${messageOf(error)}`, isOver: true });
    } finally {
      clearTimeout(slow);
      this.onChange(lead);
    }
  }

  /**
   * Cancels the claim of a lead, or says what became of it.
   * @param {string} lead
   */
  async cancel(lead) {
    const claim = this.sent.get(lead);
    if (!claim || claim.isCancelled) return;
    const { name, key } = claim;
    const cancelled = this.send(lead, { name, key, isCancelled: true }, () => cancel(pathOf(lead), { name }, key));
    this.showOnItsWay(lead);
    await cancelled;
  }

  /** @param {string} lead */
  showOnItsWay(lead) {
    const claim = this.sent.get(lead);
    if (!claim) return;
    if (claim.isCancelled) {
      const text = isLost() ? CANCELLED_LATER : "What became of the claim is not known yet.";
      showAnswer({ title: `Cancelling the claim of ${claim.name} …`, text, back: "Close" });
    } else {
      const text = isLost() ? SENT_AGAIN : "The claim is on its way, and has no answer yet.";
      showAnswer({ title: `Claiming ${claim.name} …`, text, back: "Cancel", onBack: () => this.cancel(lead) });
    }
  }
}

/** @param {string} lead */
const pathOf = (lead) => `/api/v1/leads/${lead}/claims`;

/**
 * Says what became of a claim that was cancelled.
 * @param {Answer} answer
 * @param {string} name of the lead
 */
function showCancelled(answer, name) {
  if (answer.result === "won") {
    const title = "It was too late to cancel: the lead is yours";
    showAnswer({ title, text: `${name} has been added to your lead list.`, lead: answer.lead_id });
  } else if (answer.result === "lost") {
    showAnswer({ title: "The claim is cancelled", text: `${answer.owner_name ?? answer.owner} has ${name}.` });
  } else {
    showAnswer({ title: "The claim is cancelled", text: `You did not claim ${name}.` });
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
