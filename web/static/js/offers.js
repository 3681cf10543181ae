// Shows this person's current offers on every page: the lead, the time left, and the possible answers (R3, S1-S3, S5).
//
// A ring works like a phone call: 1 accepts, hanging up declines. The winner presses 1 again to be connected.

import { congratulate } from "./answer-card.js";
import { act, call, messageOf } from "./api.js";
import { element, elements, focusedIn, isTyped, setText } from "./dom.js";
import { sentence, timeLeft } from "./format.js";
import { ListWindow } from "./list-window.js";
import * as cards from "./offer-cards.js";
import { CallTimes } from "./row-times.js";
import { say } from "./say.js";
import { sound } from "./sound.js";

/** @import { Answer, BoardRow, OfferWords } from "./types.d.ts" */

/**
 * A ring and its result.
 * @typedef {object} Call
 * @property {"ringing" | "won" | "lost" | "connected" | "kept"} stage
 * @property {string} lead its id
 * @property {string} name of the lead
 * @property {number} [epoch] of the offer
 * @property {string} [text] the text if the stage has none of its own
 */

/** @typedef {"accept" | "decline" | "press_one" | "connect" | "hang_up"} AnswerType */

const GONE = "We're sorry, but that lead is no longer available.";
const MAX_CARDS = 3;
const TICK_MS = 250;

/**
 * Names an offer. A lead may be offered to the same person again: the later offer has another epoch (X3).
 * @param {BoardRow} row
 */
const offerKey = (row) => `${row.lead_id} ${row.columns.epoch}`;

/** @param {BoardRow} row */
export const isOffer = (row) => row.columns.offer === true;
/** @param {BoardRow} row */
export const isRing = (row) => row.columns.method === "ring_all";
/** @param {BoardRow} row an offer to several: the first click on New Lead takes it */
export const isNewLead = (row) => row.columns.method === "distribute_all";
/** @param {BoardRow} row */
const isForOne = (row) => !isRing(row) && !isNewLead(row);

/** @param {Answer} answer */
const refusal = (answer) => sentence(answer.words ?? answer.why ?? answer.reason ?? "refused");

/**
 * Returns the offer that rang, as far as its answer needs it. The board may have ended it.
 * @param {Call} call
 * @returns {BoardRow}
 */
const rowOf = ({ lead, name, epoch }) => ({ lead_id: lead, rank: 0, version: 0, columns: { name, epoch } });

class Offers {
  constructor() {
    /** @type {Map<string, BoardRow>} by lead id, while the lead is offered */
    this.rows = new Map();
    /** @type {Map<string, Call>} by the offer's key */
    this.calls = new Map();
    /** @type {Set<string>} keys of offers whose answer has been sent and has no result yet */
    this.answering = new Set();
    /** @type {Set<string>} keys of offers whose answer reports the result */
    this.answered = new Set();
    /** @type {Map<string, HTMLElement>} by the card's content */
    this.cards = new Map();
    /** @type {Record<string, OfferWords>} by lead id */
    this.words = {};
    this.lastRead = 0;
    this.times = new CallTimes("/api/v1/queues/mine/call-times", {});
    this.isLoaded = false;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.ticking = undefined;
    /** True if the page itself shows offers, so that only rings have a card. */
    this.onlyRings = false;
  }

  start() {
    this.container = element("#offers");
    const rep = document.querySelector('meta[name="rep"]')?.getAttribute("content");
    this.queue = new ListWindow({
      queue_id: `rep/${rep}`,
      api: "mine",
      window: 50,
      size: 0,
      as_of: "0-0",
      rows: [],
    });
    this.queue.onChange = () => this.update();
    document.addEventListener("live:list", (event) => {
      if (event instanceof CustomEvent) this.queue?.apply(event.detail.data, event.detail.id);
    });
    document.addEventListener("keydown", (event) => this.pressKey(event));
    cards.closeSlots(this.container);
    this.queue.read();
  }

  /** Compares the current offers with the previous ones, and reports the difference. */
  update() {
    const rows = this.queue?.rows ?? [];
    const offered = new Map(rows.filter(isOffer).map((row) => [row.lead_id, row]));
    const owned = new Set(rows.filter((row) => !isOffer(row)).map((row) => row.lead_id));
    for (const [lead, row] of this.rows) {
      if (offered.has(lead)) continue;
      this.reportEnd(row, owned.has(lead));
      document.dispatchEvent(new CustomEvent("offer:over", { detail: lead }));
    }
    const fresh = [...offered].filter(([lead, row]) => this.rows.get(lead)?.columns.epoch !== row.columns.epoch);
    for (const [, row] of fresh) this.report(row);
    this.rows = offered;
    if (fresh.length) this.readWords();
    this.isLoaded = true;
    this.draw();
  }

  /**
   * Makes the label of an offer's reason in a list. The reason may come a moment later.
   * @param {string} lead
   */
  reasonLabel(lead) {
    const label = Object.assign(document.createElement("small"), { className: "row-reason" });
    label.dataset.offered = lead;
    label.textContent = this.words[lead]?.reason ?? "";
    return label;
  }

  /**
   * Asks for the words of the offers. Without an answer the cards show the leads' facts alone.
   * @param {number} [again] how often it may ask again for the campaign of a lead that the database has not got yet
   */
  async readWords(again = 3) {
    this.lastRead += 1;
    const read = this.lastRead;
    const words = await call("GET", "/api/v1/me/offers").catch(() => this.words);
    if (read !== this.lastRead) return; // an earlier answer does not replace a later one
    this.words = words;
    for (const label of elements(".row-reason", document, "small"))
      setText(label, this.words[label.dataset.offered ?? ""]?.reason ?? "");
    this.draw();
    const lacks = [...this.rows.values()].some((row) => isForOne(row) && !this.words[row.lead_id]?.campaign);
    if (lacks && again > 0) setTimeout(() => this.readWords(again - 1), 1_000);
  }

  /** @param {BoardRow} row */
  report(row) {
    const { name, epoch } = row.columns;
    // A new offer of a lead replaces the card of an earlier ring of it.
    for (const [key, call] of this.calls) if (call.lead === row.lead_id) this.calls.delete(key);
    if (isRing(row)) {
      for (const [key, call] of this.calls) if (call.stage === "lost") this.calls.delete(key);
      this.calls.set(offerKey(row), { stage: "ringing", lead: row.lead_id, name, epoch });
    }
    document.dispatchEvent(new CustomEvent("offer:new"));
    if (!this.isLoaded) return;
    sound.play();
    if (!isRing(row)) say(isNewLead(row) ? `A new lead is available: ${name}` : `A lead is offered to you: ${name}`);
  }

  /**
   * @param {BoardRow} row
   * @param {boolean} isOwned whether this person owns the lead now
   */
  reportEnd(row, isOwned) {
    const key = offerKey(row);
    if (this.answered.has(key)) return;
    const call = this.calls.get(key);
    if (isOwned) {
      if (call?.stage === "ringing") this.calls.delete(key);
      return;
    }
    if (call?.stage === "ringing") Object.assign(call, { stage: "lost", text: GONE });
    else if (!call) say(isNewLead(row) ? GONE : `The offer of ${row.columns.name} is over.`);
  }

  /**
   * Answers an offer.
   * @param {BoardRow} row
   * @param {AnswerType} type
   */
  async answer(row, type) {
    const { lead_id: lead } = row;
    const { name, epoch } = row.columns;
    const key = offerKey(row);
    if (this.answering.has(key)) return;
    this.answering.add(key);
    this.answered.add(key);
    this.draw();
    try {
      this.reportAnswer(row, type, await act(`/api/v1/leads/${lead}/actions`, { type, epoch }, { name }));
    } catch (error) {
      this.answered.delete(key);
      say(messageOf(error));
    } finally {
      this.answering.delete(key);
      this.draw();
    }
  }

  /**
   * @param {BoardRow} row
   * @param {AnswerType} type
   * @param {Answer} answer
   */
  reportAnswer(row, type, answer) {
    const { name } = row.columns;
    const won = answer.result === "won";
    const accepted = won || answer.result === "done";
    const call = this.calls.get(offerKey(row));
    const newer = this.rows.get(row.lead_id);
    if (newer && offerKey(newer) !== offerKey(row)) {
      say(`${name} is offered to you again. Your answer was to the earlier offer.`);
    } else if (!call) {
      if (won) congratulate(row.lead_id, name, "Stay here");
      else if (type === "decline") say(accepted ? `Declined: ${name} goes to somebody else.` : refusal(answer));
      else say(isNewLead(row) || answer.result === "lost" ? GONE : refusal(answer));
    } else if (type === "press_one") {
      Object.assign(call, won ? { stage: "won" } : { stage: "lost", text: GONE });
    } else if (type === "connect") {
      const kept = { stage: "kept", text: `${refusal(answer)} The lead stays yours.` };
      Object.assign(call, accepted ? { stage: "connected" } : kept);
    } else {
      if (call.stage === "won" && accepted) say("The lead stays yours.");
      this.calls.delete(offerKey(row));
    }
  }

  // -- the phone --------------------------------------------------------------------------------------------------

  /**
   * Treats 1 on the keyboard as 1 on the phone, except in a field or a dialog.
   * @param {KeyboardEvent} event
   */
  pressKey(event) {
    if (event.key !== "1" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (isTyped(event)) return;
    if (document.querySelector("dialog[open]")) return;
    const ringing = [...this.calls].find(([, call]) => call.stage === "ringing" || call.stage === "won");
    if (!ringing) return;
    event.preventDefault();
    this.press(ringing[0]);
  }

  /** @param {string} key of the offer */
  press(key) {
    const call = this.calls.get(key);
    if (call?.stage === "ringing") this.answer(rowOf(call), "press_one");
    else if (call?.stage === "won") this.answer(rowOf(call), "connect");
  }

  /** @param {string} key of the offer */
  hangUp(key) {
    const call = this.calls.get(key);
    if (call?.stage === "ringing" || call?.stage === "won") {
      this.answer(rowOf(call), "hang_up");
      return;
    }
    this.calls.delete(key);
    this.draw();
  }

  // -- what is shown ----------------------------------------------------------------------------------------------

  draw() {
    const container = this.container;
    if (!container) return;
    const waiting = this.onlyRings ? [] : [...this.rows.values()].filter((row) => !this.calls.has(offerKey(row)));
    /** @type {[string, () => HTMLElement][]} */
    const wanted = [];
    for (const [key, call] of this.calls) {
      wanted.push([`call ${key} ${call.stage}`, () => this.callCard(key, call)]);
    }
    for (const row of waiting.slice(0, MAX_CARDS)) {
      wanted.push([`offer ${offerKey(row)}`, () => cards.offerCard(row, this.buttons(row), this.times)]);
    }
    const hidden = waiting.length - MAX_CARDS;
    if (hidden > 0) wanted.push([`more ${hidden}`, () => cards.moreCard(`and ${hidden} more in My queue`)]);
    const focused = focusedIn(container);
    const before = this.cards;
    this.cards = new Map(wanted.map(([key, make]) => [key, before.get(key) ?? make()]));
    for (const [key, card] of before) if (!this.cards.has(key)) cards.remove(card);
    if (!this.cards.size) container.replaceChildren();
    let n = 0;
    for (const card of this.cards.values()) {
      while (container.children[n]?.matches(".slot")) n += 1;
      if (container.children[n] !== card) container.insertBefore(card, container.children[n] ?? null);
      n += 1;
    }
    for (const row of waiting) {
      const card = this.cards.get(`offer ${offerKey(row)}`);
      if (card) cards.showWords(card, row, this.words[row.lead_id]);
    }
    for (const button of elements("button", container, "button")) {
      const card = button.closest("[data-offer]");
      button.disabled = card instanceof HTMLElement && this.answering.has(card.dataset.offer ?? "");
    }
    container.hidden = !this.cards.size;
    // If the focused card was removed, the next card gets the focus, or the page.
    if (focused && !focusedIn(container)) {
      const next = container.querySelector("button:not(:disabled), a");
      (next instanceof HTMLElement ? next : element("#main")).focus();
    }
    this.tick();
    // Most pages show no offer for most of the day, and there is nothing to count down.
    const isTicking = this.ticking !== undefined;
    if (isTicking === (this.rows.size > 0 || this.calls.size > 0)) return;
    clearInterval(this.ticking);
    this.ticking = isTicking ? undefined : setInterval(() => this.tick(), TICK_MS);
  }

  /**
   * @param {string} key of the offer
   * @param {Call} call
   */
  callCard(key, call) {
    const row = this.rows.get(call.lead);
    return cards.callCard(call, {
      row: row?.columns.epoch === call.epoch ? row : undefined,
      press: () => this.press(key),
      hangUp: () => this.hangUp(key),
    });
  }

  /**
   * Makes the answer buttons of an offer that does not ring. My queue shows them in its rows.
   * @param {BoardRow} row
   * @returns {HTMLElement[]}
   */
  buttons(row) {
    const { name } = row.columns;
    if (isRing(row)) return [];
    if (isNewLead(row)) {
      return [cards.button("New Lead", `New Lead: ${name}`, "primary", () => this.answer(row, "accept"))];
    }
    return [
      cards.button("Accept", `Accept ${name}`, "primary", () => this.answer(row, "accept")),
      cards.button("Decline", `Decline ${name}`, "", () => this.answer(row, "decline")),
      cards.leadLink(row.lead_id, name),
    ];
  }

  /** Updates the time left, and the number of offers in the page's title. */
  tick() {
    const count = this.rows.size;
    for (const label of elements("[data-offered-until]", document, "span")) {
      setText(label, timeLeft(label.dataset.offeredUntil) ?? "0 s");
    }
    const plain = document.title.replace(/^\(\d+\) /, "");
    const title = count ? `(${count}) ${plain}` : plain;
    if (document.title !== title) document.title = title;
  }
}

export const timeLeftLabel = cards.timeLeftLabel;
export const offers = new Offers();
