// Calls through a list (D2, D4, M7): after a lead, the next one of its list opens, and leads that may not be called now
// are passed over with the reason. A round lasts as long as the browser's tab.

import { call } from "./api.js";
import { elements, isTyped } from "./dom.js";
import { clockText } from "./row-times.js";

/**
 * @typedef {object} Passed a lead that is not called now
 * @property {string} name
 * @property {string} why
 * @property {string | null} [call_from]
 * @property {string | null} [time_zone]
 */

/**
 * @typedef {object} Stored what a tab keeps of a round
 * @property {string[]} done the leads that the round had already, the newest last
 * @property {string} [message] what the next page says first
 * @property {string} [opened] the lead that the round has opened by itself
 */

const MAX_DONE = 500;
const MAX_NAMED = 3; // passed leads whose reasons are said
const FOLLOWS = new Set(["outcome", "callback", "release"]);
const ADVANCES = "call-round-advances";

/** @param {string} queue */
const keyOf = (queue) => `call-round/${queue}`;

/**
 * @param {string} queue
 * @returns {Stored}
 */
function stored(queue) {
  try {
    return JSON.parse(sessionStorage.getItem(keyOf(queue)) ?? "") ?? { done: [] };
  } catch {
    return { done: [] };
  }
}

/**
 * @param {string} queue
 * @param {Stored} round
 */
const store = (queue, round) => sessionStorage.setItem(keyOf(queue), JSON.stringify(round));

/**
 * Says which leads are passed over.
 * @param {Passed[]} passed
 */
function passedText(passed) {
  if (!passed.length) return "";
  const named = passed.slice(0, MAX_NAMED).map(({ name, why, call_from, time_zone }) => {
    const from = call_from ? `, from ${clockText(call_from, time_zone ?? undefined)} on it may` : "";
    return `${name} (${why}${from})`;
  });
  const more = passed.length - named.length;
  return `Skipped: ${named.join("; ")}${more > 0 ? `; and ${more.toLocaleString()} more` : ""}.`;
}

/**
 * Opens the next lead of a list.
 * @param {string} queue
 * @param {string} message what happened before
 * @returns {Promise<string | null>} null if the next lead opens; else why there is none
 */
async function openNext(queue, message) {
  const { done } = stored(queue);
  const found = await call("POST", `/api/v1/queues/${encodeURIComponent(queue)}/next`, { done });
  const passed = passedText(found.passed);
  if (!found.lead_id) return ["No other lead of this list can be called now.", passed].filter(Boolean).join(" ");
  store(queue, { done, opened: found.lead_id, message: [message, passed].filter(Boolean).join(" ") });
  location.assign(`/leads/${found.lead_id}?queue=${encodeURIComponent(queue)}`);
  return null;
}

/**
 * Begins a round at the top of a list.
 * @param {string} queue
 * @returns {Promise<string | null>} null if the first lead opens; else why there is none
 */
export function startCalling(queue) {
  store(queue, { done: [] });
  return openNext(queue, "");
}

/** The round of a lead's page. Without a list there is none. */
export class CallRound {
  /**
   * @param {string | null} queue
   * @param {string} lead
   * @param {HTMLInputElement | null} box whether the next lead opens by itself
   */
  constructor(queue, lead, box) {
    this.queue = queue;
    this.lead = lead;
    this.box = box;
    /** Whether the round, and not the person, chose this lead. */
    this.isChosen = queue !== null && stored(queue).opened === lead;
    if (!box) return;
    box.checked = localStorage.getItem(ADVANCES) !== "no";
    box.addEventListener("change", () => localStorage.setItem(ADVANCES, box.checked ? "yes" : "no"));
  }

  /** Returns the message of the page before, once. */
  takeMessage() {
    if (!this.queue) return "";
    const { done, message } = stored(this.queue);
    store(this.queue, { done });
    return message ?? "";
  }

  /**
   * Says whether the next lead opens after an action.
   * @param {string} type of the action
   */
  follows(type) {
    return Boolean(this.queue && this.box?.checked && FOLLOWS.has(type));
  }

  /**
   * Opens the next lead of the list.
   * @param {string} message what happened with this one
   * @returns {Promise<string | null>} null if it opens; else why there is none
   */
  next(message) {
    if (!this.queue) return Promise.resolve("");
    const { done } = stored(this.queue);
    store(this.queue, { done: [...done.filter((lead) => lead !== this.lead), this.lead].slice(-MAX_DONE) });
    return openNext(this.queue, message);
  }
}

/**
 * Makes 1 to 9 press the outcomes, and n go to the next lead. A ring takes 1 first.
 * @param {HTMLElement} container with the outcomes
 * @param {() => void} goOn
 */
export function roundKeys(container, goOn) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
    if (isTyped(event)) return;
    if (container.hasAttribute("data-choosing") || document.querySelector("dialog[open]")) return;
    if (event.key === "n") {
      event.preventDefault();
      goOn();
    }
    if (!/^[1-9]$/.test(event.key) || document.querySelector("#offers .phone")) return;
    const button = elements("[data-outcome]", container, "button")[Number(event.key) - 1];
    if (!button || button.disabled) return;
    event.preventDefault();
    button.click();
  });
}
