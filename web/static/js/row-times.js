// The times of a list's rows: how long ago something was, and the time of day where each lead is.

import { call } from "./api.js";
import { setText } from "./dom.js";
import { dateAndTime } from "./format.js";

/** @import { CallTime } from "./types.d.ts" */

const TICK_MS = 15_000;
const ASK_MS = 300; // Rows that come within this time cause a single request.
const SPREAD_MS = 1500; // Spreads the requests of pages that show the same list.
const MAX_ASKED = 200; // web/api/queues.py has the same bound.
const MAX_KEPT = 1000; // Times of rows that are not shown are forgotten from here on, the oldest first.
const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;
const DAY_HOURS = 24;
/** Columns whose value says how long ago something was. */
const AGES = new Set([
  "arrived_at",
  "assigned_at",
  "created_at",
  "last_contacted_at",
  "owner_last_contacted_at",
  "raised_at",
]);
/** Columns from whose value on the group's claim window counts. */
const WINDOWS = new Set(["arrived_at", "created_at"]);
const WINDOW_DAYS = 1; // An older lead waits in a list of aged leads. Its group's window says nothing of it.

// -- ages -------------------------------------------------------------------------------------------------------

/**
 * Formats how long ago an instant was, such as "3 min".
 * @param {string} value
 * @param {number} [now] in milliseconds
 */
export function ageText(value, now = Date.now()) {
  const minutes = Math.max(0, Math.floor((now - new Date(value).getTime()) / MINUTE_MS));
  if (minutes < 1) return "under 1 min";
  if (minutes < HOUR_MINUTES) return `${minutes} min`;
  const hours = Math.floor(minutes / HOUR_MINUTES);
  if (hours < DAY_HOURS) return `${hours} h`;
  const days = Math.floor(hours / DAY_HOURS);
  return days === 1 ? "1 day" : `${days.toLocaleString()} days`;
}

/**
 * Makes the age of a cell; null if the column holds no age, or an instant that is yet to come.
 * @param {{name: string}} column
 * @param {any} value
 * @param {number | null} [windowSeconds] the claim window of the lead's group
 * @returns {HTMLTimeElement | null}
 */
export function ageOf({ name }, value, windowSeconds) {
  if (!value || !AGES.has(name) || new Date(value).getTime() > Date.now()) return null;
  const made = document.createElement("time");
  made.dateTime = value;
  made.className = "age";
  made.dataset.age = "";
  if (windowSeconds && WINDOWS.has(name)) made.dataset.windowSeconds = String(windowSeconds);
  drawAge(made);
  return made;
}

/** @param {HTMLTimeElement} label */
function drawAge(label) {
  const { dateTime, dataset } = label;
  setText(label, ageText(dateTime));
  label.title = dateAndTime(dateTime);
  const age = Date.now() - new Date(dateTime).getTime();
  if (!dataset.windowSeconds || age > WINDOW_DAYS * DAY_HOURS * HOUR_MINUTES * MINUTE_MS) {
    delete dataset.window;
    return;
  }
  const minutes = Number(dataset.windowSeconds) / 60;
  const isOver = age > minutes * MINUTE_MS;
  dataset.window = isOver ? "over" : "open";
  const length = minutes < 1 ? `${dataset.windowSeconds} s` : `${Math.round(minutes).toLocaleString()} min`;
  label.title += isOver ? `, past its group's window of ${length}` : `, within its group's window of ${length}`;
}

// -- the time where a lead is -----------------------------------------------------------------------------------

/**
 * Formats a time of day; without minutes where there are none. The weekday is added if the time is a day or more away.
 * @param {string | number} at
 * @param {string} [timeZone]
 * @param {number} [now] in milliseconds
 */
export function clockText(at, timeZone, now = Date.now()) {
  const date = new Date(at);
  const isWhole = date.getUTCMinutes() === 0;
  const isFar = date.getTime() - now >= DAY_HOURS * HOUR_MINUTES * MINUTE_MS;
  return clockOf(timeZone, { minutes: !isWhole, weekday: isFar }).format(date);
}

/** @type {Map<string, Intl.DateTimeFormat>} To make one costs a hundred times as much as to use it. */
const clocks = new Map();

/**
 * @param {string | undefined} timeZone
 * @param {{minutes: boolean, weekday: boolean}} parts
 */
function clockOf(timeZone, { minutes, weekday }) {
  const key = `${timeZone} ${minutes} ${weekday}`;
  let clock = clocks.get(key);
  if (!clock) {
    clock = new Intl.DateTimeFormat(undefined, {
      hour: "numeric",
      minute: minutes ? "2-digit" : undefined,
      weekday: weekday ? "short" : undefined,
      timeZone,
    });
    clocks.set(key, clock);
  }
  return clock;
}

/**
 * Says the time of day where a lead is, and until when or from when on it may be called.
 * @param {CallTime | undefined} time
 * @param {number} [now] in milliseconds
 * @returns {{clock: string, words: string, mayCall: boolean}}
 */
function callTimeText(time, now = Date.now()) {
  if (!time) return { clock: "--", words: "", mayCall: true };
  const zone = time.time_zone ?? undefined;
  const there = zone ? "" : " your time";
  const clock = zone ? clockOf(zone, { minutes: true, weekday: false }).format(now) : "--";
  const isOver = time.until !== null && time.until !== undefined && new Date(time.until).getTime() <= now;
  if (time.may_call && !isOver) {
    const words = time.until ? `may be called until ${clockText(time.until, zone, now)}${there}` : "may be called";
    return { clock, words, mayCall: true };
  }
  if (time.reason === "suppressed") return { clock, words: "do not call", mayCall: false };
  if (time.reason === "no_phone") return { clock, words: "no phone number", mayCall: false };
  const from = time.call_from ? ` before ${clockText(time.call_from, zone, now)}${there}` : " now";
  return { clock, words: `no calls${from}`, mayCall: false };
}

/**
 * Draws a lead's time into its label, which keeps its size.
 * @param {HTMLElement} label
 * @param {CallTime | undefined} time
 */
export function drawCallTime(label, time) {
  const { clock, words, mayCall } = callTimeText(time);
  const kind = mayCall ? "there" : "there quiet";
  if (label.className !== kind) label.className = kind;
  const [shown, small] = label.childNodes;
  if (shown && small) {
    if (shown.textContent !== clock) shown.textContent = clock;
    if (small.textContent !== words) small.textContent = words;
  } else {
    label.replaceChildren(clock, Object.assign(document.createElement("small"), { textContent: words }));
  }
}

/** The times of a list's leads. It asks for those that it does not know, and again when one has changed with time. */
export class CallTimes {
  /**
   * @param {string} path of the API, for a queue; "" if every page of the list brings its times
   * @param {Record<string, CallTime>} given
   */
  constructor(path, given) {
    this.path = path;
    this.times = new Map(Object.entries(given));
    /** @type {Set<string>} leads to ask for */
    this.wanted = new Set();
    /** @type {Map<string, HTMLElement>} by lead id */
    this.labels = new Map();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** @type {(leads: string[]) => void} called with the leads whose times came later than their rows */
    this.onKnown = () => {};
    setInterval(() => this.tick(), TICK_MS);
  }

  /** @param {Record<string, CallTime>} given times of the rows that are shown now */
  replace(given) {
    this.times = new Map(Object.entries(given));
  }

  /** @param {Record<string, CallTime>} given times of further rows */
  add(given) {
    for (const [lead, time] of Object.entries(given)) {
      this.times.set(lead, time);
      const label = this.labels.get(lead);
      if (label) drawCallTime(label, time);
    }
    for (const lead of this.times.keys()) {
      if (this.times.size <= MAX_KEPT) break;
      if (!this.labels.has(lead)) this.times.delete(lead);
    }
  }

  /** @param {string} lead */
  windowSeconds(lead) {
    return this.times.get(lead)?.window_seconds;
  }

  /**
   * Makes the label of a lead's time.
   * @param {string} lead
   */
  label(lead) {
    const made = document.createElement("span");
    this.labels.set(lead, made);
    drawCallTime(made, this.times.get(lead));
    if (!this.times.has(lead)) this.want(lead);
    return made;
  }

  /** @param {string} lead */
  want(lead) {
    if (!this.path || this.wanted.has(lead)) return;
    this.wanted.add(lead);
    this.timer ??= setTimeout(() => this.ask(), ASK_MS + Math.random() * SPREAD_MS);
  }

  async ask() {
    const leads = [...this.wanted].filter((lead) => this.labels.get(lead)?.isConnected).slice(0, MAX_ASKED);
    this.wanted.clear();
    this.timer = undefined;
    if (!leads.length) return;
    const query = new URLSearchParams(leads.map((lead) => ["lead", lead]));
    /** @type {Record<string, CallTime>} */
    const found = await call("GET", `${this.path}?${query}`).catch(() => ({})); // The next tick asks again.
    for (const [lead, time] of Object.entries(found)) {
      this.times.set(lead, time);
      const label = this.labels.get(lead);
      if (label) drawCallTime(label, time);
    }
    this.onKnown(Object.keys(found));
  }

  tick() {
    const now = Date.now();
    for (const [lead, label] of this.labels) {
      if (!label.isConnected) {
        this.labels.delete(lead);
        continue;
      }
      const time = this.times.get(lead);
      const change = time?.may_call ? time.until : time?.call_from;
      if (!time || (change && new Date(change).getTime() <= now)) this.want(lead);
    }
    this.draw();
  }

  draw() {
    for (const [lead, label] of this.labels) drawCallTime(label, this.times.get(lead));
  }
}

setInterval(() => {
  for (const time of document.querySelectorAll("time[data-age]")) if (time instanceof HTMLTimeElement) drawAge(time);
}, TICK_MS);
