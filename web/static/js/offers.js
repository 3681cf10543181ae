// What is offered to this person now, on every page: who, the time left, and the answers to it (R3, S1-S3, S5).
//
// A ring is a phone in the browser: 1 accepts, hanging up declines; who won presses 1 again to be connected.

import { act } from "./api.js";
import { left, sentence } from "./format.js";
import { Window } from "./list.js";
import { say } from "./say.js";
import { sound } from "./sound.js";

export const GONE = "We're sorry, but that lead is no longer available.";
const SHOWN = 3;
const RINGS = "ring_all";
const FIRST = "distribute_all";

export const isOffer = (row) => row.columns.offer === true;
export const rings = (row) => row.columns.method === RINGS;
export const isRace = (row) => row.columns.method === FIRST;

class Offers {
  constructor() {
    this.rows = new Map(); // lead id -> row, as long as it is offered
    this.calls = new Map(); // lead id -> {stage, name, text}: rings, and what came of them
    this.answering = new Set(); // lead ids
    this.answered = new Set(); // lead id and epoch: what came of these is said by their answers
    this.cards = new Map();
    this.begun = false;
    this.quiet = false; // the page itself shows offers; only a phone rings
  }

  start() {
    this.place = document.getElementById("offers");
    this.rep = document.querySelector('meta[name="rep"]').content;
    this.view = new Window({ queue_id: `rep/${this.rep}`, api: "mine", window: 50, size: 0, as_of: "0-0", rows: [] });
    this.view.changed = () => this.changed();
    this.view.failed = () => {};
    document.addEventListener("live:list", ({ detail: { data, id } }) => this.view.apply(data, id));
    document.addEventListener("keydown", (event) => this.key(event));
    this.view.read();
    setInterval(() => this.tick(), 250);
  }

  // Compare what is offered with what was, say what came and went, and show it.
  changed() {
    const now = new Map(this.view.rows.filter(isOffer).map((row) => [row.lead_id, row]));
    const mine = new Set(this.view.rows.filter((row) => !isOffer(row)).map((row) => row.lead_id));
    for (const [lead, row] of this.rows) if (!now.has(lead)) this.over(lead, row, mine.has(lead));
    for (const [lead, row] of now) if (this.rows.get(lead)?.columns.epoch !== row.columns.epoch) this.came(row);
    this.rows = now;
    this.begun = true;
    this.draw();
  }

  came(row) {
    const { name } = row.columns;
    if (rings(row)) {
      for (const [lead, call] of this.calls) if (call.stage === "lost") this.calls.delete(lead); // it has been hung up
      this.calls.set(row.lead_id, { stage: "ringing", name, epoch: row.columns.epoch });
    }
    if (this.begun) {
      sound.play();
      if (!rings(row)) say(isRace(row) ? `A new lead is available: ${name}` : `A lead is offered to you: ${name}`);
    }
  }

  over(lead, row, mine) {
    if (this.answered.has(`${lead} ${row.columns.epoch}`)) return;
    const call = this.calls.get(lead);
    if (mine) {
      if (call?.stage === "ringing") this.calls.delete(lead);
      return;
    }
    if (call?.stage === "ringing") Object.assign(call, { stage: "lost", text: GONE });
    else if (!call) say(isRace(row) ? GONE : `The offer of ${row.columns.name} is over.`);
  }

  // Answer an offer; returns the engine's answer, or null where it could not be asked.
  async answer(row, type) {
    const { lead_id, columns: { name, epoch } } = row;
    if (this.answering.has(lead_id)) return null;
    this.answering.add(lead_id);
    this.answered.add(`${lead_id} ${epoch}`);
    this.draw();
    try {
      const body = { type, epoch };
      const answer = await act(`/api/v1/leads/${lead_id}/actions`, body, { name });
      this.told(row, type, answer);
      return answer;
    } catch (error) {
      this.answered.delete(`${lead_id} ${epoch}`);
      say(error.message);
      return null;
    } finally {
      this.answering.delete(lead_id);
      this.draw();
    }
  }

  told(row, type, answer) {
    const { lead_id, columns: { name } } = row;
    const won = answer.result === "won";
    const good = won || answer.result === "done";
    const call = this.calls.get(lead_id);
    if (call) {
      if (type === "press_one") Object.assign(call, won ? { stage: "won" } : { stage: "lost", text: GONE });
      else if (type === "connect") Object.assign(call, good ? { stage: "connected" } : { stage: "kept", text: `${refusal(answer)} The lead stays yours.` });
      else {
        if (call.stage === "won" && good) say("The lead stays yours.");
        this.calls.delete(lead_id);
      }
    } else if (won) congratulate(lead_id, name);
    else if (type === "decline") say(good ? `Declined: ${name} goes to somebody else.` : refusal(answer));
    else say(isRace(row) || answer.result === "lost" ? GONE : refusal(answer));
  }

  // -- the phone --------------------------------------------------------------------------------------------------

  // 1 on the keyboard is 1 on the phone, unless one is writing.
  key(event) {
    if (event.key !== "1" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return;
    const ringing = [...this.calls].find(([, call]) => call.stage === "ringing" || call.stage === "won");
    if (ringing) {
      event.preventDefault();
      this.press(ringing[0]);
    }
  }

  press(lead) {
    const call = this.calls.get(lead);
    const row = this.rows.get(lead) ?? { lead_id: lead, columns: { name: call.name } };
    if (call.stage === "ringing") this.answer(row, "press_one");
    else if (call.stage === "won") this.answer(row, "connect");
  }

  hangUp(lead) {
    const call = this.calls.get(lead);
    const row = this.rows.get(lead) ?? { lead_id: lead, columns: { name: call.name } };
    if (call.stage === "ringing" || call.stage === "won") return this.answer(row, "hang_up");
    this.calls.delete(lead);
    this.draw();
  }

  // -- showing ----------------------------------------------------------------------------------------------------

  draw() {
    const waiting = this.quiet ? [] : [...this.rows.values()].filter((row) => !this.calls.has(row.lead_id));
    const wanted = [
      ...[...this.calls].map(([lead, call]) => [`call ${lead} ${call.epoch} ${call.stage}`, () => this.phone(lead, call)]),
      ...waiting.slice(0, SHOWN).map((row) => [`offer ${row.lead_id} ${row.columns.epoch}`, () => this.card(row)]),
    ];
    if (waiting.length > SHOWN) {
      wanted.push([`more ${waiting.length}`, () => more(`and ${waiting.length - SHOWN} more in My queue`)]);
    }
    const focused = this.place.contains(document.activeElement);
    const before = this.cards;
    this.cards = new Map(wanted.map(([key, make]) => [key, before.get(key) ?? make()]));
    for (const [key, card] of before) if (!this.cards.has(key)) card.remove();
    let n = 0;
    for (const card of this.cards.values()) {
      if (this.place.children[n] !== card) this.place.insertBefore(card, this.place.children[n] ?? null);
      n += 1;
    }
    for (const button of this.place.querySelectorAll("button")) {
      button.disabled = this.answering.has(button.closest("[data-lead]").dataset.lead);
    }
    this.place.hidden = !this.cards.size;
    // Who acted on one that is gone goes on at the next, or in the page.
    if (focused && !this.place.contains(document.activeElement)) {
      (this.place.querySelector("button:not(:disabled), a") ?? document.getElementById("main")).focus();
    }
    this.tick();
  }

  phone(lead, { stage, name, text }) {
    const texts = {
      ringing: `You have an available lead ${name}. Press 1 to accept or hang up to decline.`,
      won: `You have been assigned ${name}, press 1 again to be connected or hang up if you plan to reach out later.`,
      connected: `Calling ${name} …`,
    };
    const card = part(lead, "phone", texts[stage] ?? text);
    card.setAttribute("role", "alert");
    if (stage === "ringing") card.append(time(this.rows.get(lead)));
    if (stage === "ringing" || stage === "won") card.append(button("Press 1", `Press 1 to ${stage === "won" ? "be connected" : "accept"}`, "primary", () => this.press(lead)));
    if (stage === "won" || stage === "connected" || stage === "kept") card.append(link(lead, name));
    const word = stage === "ringing" || stage === "won" ? "Hang up" : "Close";
    card.append(button(word, word, "", () => this.hangUp(lead)));
    return card;
  }

  card(row) {
    const { name } = row.columns;
    const card = part(row.lead_id, "offer", isRace(row) ? `A new lead is available: ${name}` : `Offered to you: ${name}`);
    card.append(time(row), ...this.buttons(row));
    return card;
  }

  // The answers to an offer that does not ring; My queue shows them in its rows.
  buttons(row) {
    const { name } = row.columns;
    if (rings(row)) return [];
    if (isRace(row)) return [button("New Lead", `New Lead: ${name}`, "primary", () => this.answer(row, "accept"))];
    return [
      button("Accept", `Accept ${name}`, "primary", () => this.answer(row, "accept")),
      button("Decline", `Decline ${name}`, "", () => this.answer(row, "decline")),
      link(row.lead_id, name),
    ];
  }

  tick() {
    for (const line of document.querySelectorAll("[data-offered-until]")) {
      line.textContent = left(line.dataset.offeredUntil) ?? "0 s";
    }
    const count = this.rows.size;
    const plain = document.title.replace(/^\(\d+\) /, "");
    const title = count ? `(${count}) ${plain}` : plain;
    if (document.title !== title) document.title = title;
  }
}

function refusal(answer) {
  return sentence(answer.words ?? answer.why ?? answer.reason);
}

function part(lead, kind, text) {
  const card = document.createElement("div");
  card.className = kind;
  card.dataset.lead = lead;
  card.append(Object.assign(document.createElement("p"), { textContent: text }));
  return card;
}

export function time(row) {
  const line = document.createElement("span");
  line.className = "left";
  if (row?.columns.until) line.dataset.offeredUntil = row.columns.until;
  line.textContent = (row?.columns.until && left(row.columns.until)) || "";
  const label = Object.assign(document.createElement("span"), { className: "time" });
  label.append(line, row?.columns.until ? " left" : "");
  return label;
}

function button(text, label, kind, act) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text, className: kind });
  made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

function link(lead, name) {
  const made = Object.assign(document.createElement("a"), { className: "button", href: `/leads/${lead}`, textContent: "Look" });
  made.setAttribute("aria-label", `Look at ${name}`);
  return made;
}

function more(text) {
  const card = part("", "offer", "");
  card.firstChild.append(Object.assign(document.createElement("a"), { href: "/queues/mine", textContent: text }));
  return card;
}

function congratulate(lead, name) {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "won-title");
  const title = Object.assign(document.createElement("h2"), { id: "won-title", textContent: "Congratulations! You have a new lead" });
  const who = Object.assign(document.createElement("p"), { textContent: name });
  const menu = document.createElement("menu");
  const go = Object.assign(document.createElement("a"), { className: "button primary", href: `/leads/${lead}`, textContent: "Go to Lead Details" });
  menu.append(button("Stay here", "Stay here", "", () => dialog.close()), go);
  dialog.append(title, who, menu);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  go.focus();
}

export const offers = new Offers();
