// Calls by the rep's telephone: it rings first, then the lead's (N7). A bar on every page shows the call's state.

import { act, messageOf } from "./api.js";
import { element, targetOf } from "./dom.js";
import { sentence } from "./format.js";
import { say } from "./say.js";

/**
 * What happens in a call, as the stream tells it.
 * @typedef {object} CallEvent
 * @property {string} lead_id
 * @property {string | null} call_id
 * @property {string} about the template of the request: ring, connect, lead_calls
 * @property {"rep" | "lead" | "inbound"} leg
 * @property {"dialled" | "ringing" | "answered" | "pressed" | "bridged" | "ended" | "failed"} event
 * @property {string | null} reason
 * @property {string} at
 */

/**
 * The call that the bar shows.
 * @typedef {object} Shown
 * @property {string} lead
 * @property {string} name of the lead, or "the lead"
 * @property {string} text
 * @property {boolean} isOver
 * @property {boolean} [hasReason] whether the text says already why the lead was not reached
 * @property {number} [since] when the two were connected, in milliseconds
 */

const KEPT = "firstclaim.call";
const LONGEST_MS = 5 * 60 * 60 * 1000;
const TICK_MS = 1000;
/** @type {Record<string, string>} why the lead was not reached */
const NOT_REACHED = {
  busy: "The line of {name} is busy.",
  no_answer: "{name} does not answer.",
  rejected: "{name} rejected the call.",
  quiet_hours: "{name} must not be called at this hour.",
  suppressed: "{name} must not be called.",
};
/** @type {Record<string, string>} why the rep was not reached */
const REP_NOT_REACHED = {
  busy: "Your telephone is busy.",
  no_answer: "You did not answer your telephone.",
  rejected: "Your telephone rejected the call.",
  no_digit: "You did not press 1, so {name} was not called.",
};

/** Says whether call buttons ring the rep's telephone here. */
export const hasTelephone = () => document.querySelector('meta[name="telephone"]') !== null;

/**
 * Returns a button that rings the rep's telephone, and then the lead's.
 * @param {string} lead
 * @param {string} name
 */
export function callButton(lead, name) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Call" });
  Object.assign(button.dataset, { dial: lead, called: name });
  button.setAttribute("aria-label", `Call ${name}`);
  return button;
}

/**
 * Returns a link that a telephone program opens, for where no telephone is set up.
 * @param {string} name of the lead
 * @param {string} phone in E.164
 * @param {string} text
 */
export function phoneLink(name, phone, text) {
  const link = Object.assign(document.createElement("a"), { href: `tel:${phone}`, textContent: text });
  link.setAttribute("aria-label", `Call ${name}: ${text}`);
  return link;
}

/** @type {Shown | null} */
let shown = null;
/** @type {{lead: string, name: string} | null} the lead that was asked for last; the telephone may ring before the answer comes */
let asked = null;

/** Watches buttons that call a lead, and the stream's events about calls. */
export function watchCalls() {
  document.addEventListener("click", (event) => {
    const button = targetOf(event).closest("button[data-dial]");
    if (button instanceof HTMLButtonElement) dial(button.dataset.dial ?? "", button.dataset.called || "the lead");
    else if (targetOf(event).closest("#call [data-close]")) show(null);
  });
  document.addEventListener("live:calls", (event) => {
    if (event instanceof CustomEvent) take(event.detail.data);
  });
  /** @type {(Shown & {at: number}) | null} */
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  if (kept && !kept.isOver && Date.now() - kept.at < LONGEST_MS) show(kept);
  setInterval(drawLength, TICK_MS);
}

/**
 * Asks the engine to call the rep and then the lead.
 * @param {string} lead
 * @param {string} name
 */
export async function dial(lead, name) {
  asked = { lead, name };
  try {
    const answer = await act(`/api/v1/leads/${lead}/actions`, { type: "dial" });
    if (answer.result !== "done") {
      const why = sentence(answer.words ?? answer.why ?? answer.reason ?? "refused");
      show({ lead, name, text: `${name} was not called. ${why}`, isOver: true });
    } else if (shown?.lead !== lead || shown.isOver) {
      show({ lead, name, text: "Your telephone is called.", isOver: false });
    }
  } catch (error) {
    say(messageOf(error));
  }
}

/** @param {CallEvent} event */
function take(event) {
  // While an offer rings, its card shows what the rep does. From the lead's leg on, this is a call like any other.
  const isOffer = event.about === "ring" && event.leg === "rep";
  if (isOffer && (shown?.lead !== event.lead_id || event.event !== "ended")) return;
  const known = shown?.lead === event.lead_id ? shown : null;
  const name = known?.name ?? (asked?.lead === event.lead_id ? asked.name : "the lead");
  const next = textOf(event, name, known);
  if (next) show({ lead: event.lead_id, name, isOver: false, ...next });
}

/**
 * @param {CallEvent} event
 * @param {string} name
 * @param {Shown | null} known
 * @returns {{text: string, isOver?: boolean, hasReason?: boolean, since?: number} | null} null if it changes nothing
 */
function textOf({ leg, event, reason, about, at }, name, known) {
  const calls = about === "lead_calls" ? "is calling you" : "is called when you press 1";
  if (event === "failed") {
    if (known?.isOver) return null;
    return { text: `${capital(name)} was not called: ${reason ?? "the telephone failed"}.`, isOver: true };
  }
  if (event === "bridged") return { text: `You are connected with ${name}.`, since: new Date(at).getTime() };
  if (leg === "rep") {
    if (event === "dialled" || event === "ringing") return { text: `Your telephone rings. ${capital(name)} ${calls}.` };
    if (event === "answered") return { text: `You are on the line. Press 1 on your telephone to talk with ${name}.` };
    if (event === "pressed" && !known?.since) return { text: `${capital(name)} is being called.` };
    if (event === "ended") return ended(reason, name, known);
    return null;
  }
  if (leg === "lead") {
    if (event === "dialled" || event === "ringing") return { text: `The telephone of ${name} rings.` };
    if (event === "ended" && !known?.since) {
      const text = NOT_REACHED[reason ?? ""] ?? "{name} could not be reached.";
      return { text: capital(text.replace("{name}", name)), hasReason: true };
    }
  }
  return null;
}

/**
 * @param {string | null} reason
 * @param {string} name
 * @param {Shown | null} known
 */
function ended(reason, name, known) {
  if (known?.since) return { text: `The call with ${name} has ended after ${length(known.since)}.`, isOver: true };
  if (known?.hasReason) return { text: known.text, isOver: true };
  const text = REP_NOT_REACHED[reason ?? ""] ?? "The call has ended.";
  return { text: text.replace("{name}", name), isOver: true };
}

/** @param {string} text */
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** @param {number} since in milliseconds */
function length(since) {
  const seconds = Math.max(0, Math.round((Date.now() - since) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** @param {Shown | null} call */
function show(call) {
  shown = call;
  sessionStorage.setItem(KEPT, JSON.stringify(call && { ...call, at: Date.now() }));
  const bar = element("#call");
  bar.hidden = call === null;
  if (!call) {
    bar.replaceChildren();
    return;
  }
  const text = Object.assign(document.createElement("p"), { textContent: call.text });
  const time = Object.assign(document.createElement("span"), { className: "left" });
  time.setAttribute("aria-hidden", "true");
  bar.replaceChildren(text, time);
  bar.dataset.over = String(call.isOver);
  if (call.isOver) {
    const close = Object.assign(document.createElement("button"), { type: "button", textContent: "Close" });
    close.dataset.close = "yes";
    bar.append(close);
  }
  drawLength();
}

function drawLength() {
  const time = document.querySelector("#call .left");
  if (time) time.textContent = shown?.since && !shown.isOver ? length(shown.since) : "";
}
