// The wallboard: an org's day so far. It reads the numbers again every few seconds while it is looked at.

import { call, messageOf } from "./api.js";
import { element, finder, pageData } from "./dom.js";
import { leadCount, localised, NO_VALUE } from "./format.js";
import { Live } from "./live.js";
import { ageText } from "./row-times.js";
import { say } from "./say.js";
import { fillTable, valued } from "./small-table.js";

/** @typedef {Record<string, any>} Board in the shape of web/services/wallboard.py */

const EVERY_MS = 5000;
const MINUTE = 60;
const HOUR = 3600;
const find = finder(element("#main"));
/** @type {Board} */
let board = pageData("board-data");
const search = find("[data-rep-search]", "input");
const onlyIn = find("[data-only-in]", "input");

/**
 * Formats a number of seconds, such as "4.2 s" or "3 min".
 * @param {number | null} seconds
 */
function lasted(seconds) {
  if (seconds === null) return NO_VALUE;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 2 * MINUTE) return `${Math.round(seconds)} s`;
  if (seconds < 2 * HOUR) return `${Math.round(seconds / MINUTE)} min`;
  return `${Math.round(seconds / HOUR)} h`;
}

function drawTiles() {
  /** @type {[string, string][]} */
  const tiles = [
    ["Arrived today", board.arrivals.toLocaleString()],
    ["Given to reps today", board.leads_given.toLocaleString()],
    ["Half are taken within", lasted(board.p50_seconds)],
    ["95% are taken within", lasted(board.p95_seconds)],
    ["Reps who are in", board.reps.filter((/** @type {Board} */ rep) => rep.is_in).length.toLocaleString()],
    ["Offers out", board.offers.toLocaleString()],
    ["Leads open now", board.locks.toLocaleString()],
    ["Exceptions", board.exceptions.toLocaleString()],
    ["Calls due", board.calls_due.toLocaleString()],
    ["Dead letters", board.dead_letters.toLocaleString()],
  ];
  /** @type {Record<string, string>} */
  const links = { Exceptions: "/exceptions", "Dead letters": "/operations", "Calls due": "/my-leads?sort=callback_at" };
  find("[data-tiles]").replaceChildren(
    ...tiles.map(([label, value]) => {
      const tile = document.createElement("div");
      tile.dataset.tile = label;
      const number = document.createElement("dd");
      const link = Object.assign(document.createElement("a"), { href: links[label], textContent: value });
      number.append(links[label] ? link : value);
      tile.append(Object.assign(document.createElement("dt"), { textContent: label }), number);
      return tile;
    }),
  );
}

/** @param {Board} rep */
function stateOf({ is_in, unavailable }) {
  const text = [is_in ? "in" : "out", unavailable ? localised(unavailable) : ""].filter(Boolean).join(", ");
  const className = `state${is_in ? " in" : ""}${unavailable ? " away" : ""}`;
  return Object.assign(document.createElement("span"), { className, textContent: text });
}

/** @type {[string, string][]} */
const CHOICES = [
  ["available", "Available"],
  ["last_lead", "One last lead"],
  ["paused", "Paused"],
];

/** @param {Board} rep */
function switchOf({ rep_id, name, availability }) {
  const select = document.createElement("select");
  select.append(
    ...CHOICES.map(([value, text]) => new Option(text, value, value === availability, value === availability)),
  );
  select.setAttribute("aria-label", `Offers of leads to ${name}`);
  select.addEventListener("change", async () => {
    try {
      const path = `/api/v1/reps/${encodeURIComponent(rep_id)}/availability`;
      await call("PUT", path, { availability: select.value });
      say(`${name}: ${select.selectedOptions[0].text.toLowerCase()}.`);
      select.blur();
    } catch (error) {
      select.value = availability;
      say(`Not changed: ${messageOf(error)}`);
    }
  });
  return select;
}

/** @param {Board} rep */
function lastLead({ last_lead_at }) {
  if (!last_lead_at) return NO_VALUE;
  return Object.assign(document.createElement("time"), { dateTime: last_lead_at, textContent: ageText(last_lead_at) });
}

function drawReps() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const reps = board.reps.filter((/** @type {Board} */ rep) => {
    const text = `${rep.name} ${rep.rep_id} ${rep.teams.join(" ")}`.toLowerCase();
    return (rep.is_in || !onlyIn.checked) && words.every((word) => text.includes(word));
  });
  const more = board.more_reps ? `, and ${board.more_reps.toLocaleString()} that are not listed` : "";
  find("[data-rep-count]").textContent =
    `${reps.length.toLocaleString()} of ${board.reps.length.toLocaleString()}${more}`;
  fillTable(
    find('[data-table="reps"]', "table"),
    ["Rep", "Now", "Gets offers", "Offers", "Open now", "Leads today", "Last lead", "Speed", "Owns"],
    reps.map((/** @type {Board} */ rep) => [
      rep.teams.length ? `${rep.name} (${rep.teams.join(", ")})` : rep.name,
      stateOf(rep),
      switchOf(rep),
      rep.offers,
      rep.locks,
      rep.leads_today,
      lastLead(rep),
      valued(lasted(rep.p50_seconds), rep.p50_seconds),
      valued(
        rep.max_open === null ? leadCount(rep.open_leads) : `${rep.open_leads} of ${rep.max_open}`,
        rep.open_leads,
      ),
    ]),
    "Nobody matches.",
  );
}

/** @param {string} name of the table and of its part of the board */
function drawSpeeds(name) {
  fillTable(
    find(`[data-table="${name}"]`, "table"),
    ["Name", "Arrived", "First claims", "Half within", "95% within"],
    board[name].map((/** @type {Board} */ line) => [
      line.name,
      line.arrivals,
      line.first_claims,
      valued(lasted(line.p50_seconds), line.p50_seconds),
      valued(lasted(line.p95_seconds), line.p95_seconds),
    ]),
    "No lead arrived today.",
  );
}

/** @param {Board} queue */
function linkTo(queue) {
  const href = `/queues/${encodeURIComponent(queue.queue_id)}`;
  return Object.assign(document.createElement("a"), { href, textContent: queue.name });
}

function draw() {
  find("[data-since]").textContent = `midnight (${board.time_zone.replaceAll("_", " ")})`;
  find("[data-cut]").hidden = !board.cut;
  drawTiles();
  drawReps();
  fillTable(
    find('[data-table="queues"]', "table"),
    ["Queue", "Leads", "The oldest"],
    board.queues.map((/** @type {Board} */ queue) => [
      linkTo(queue),
      queue.size,
      queue.oldest_at ? valued(ageText(queue.oldest_at), queue.oldest_at) : NO_VALUE,
    ]),
    "There is no queue yet.",
  );
  drawSpeeds("groups");
  drawSpeeds("vendors");
}

async function read() {
  if (document.visibilityState === "hidden" || document.querySelector("main :focus-within :is(a, select):focus"))
    return;
  try {
    board = await call("GET", "/api/v1/wallboard");
    draw();
  } catch (error) {
    say(messageOf(error));
  }
}

search.addEventListener("input", drawReps);
onlyIn.addEventListener("change", drawReps);
draw();
setInterval(read, EVERY_MS);
document.addEventListener("visibilitychange", read);
new Live({ queue: "mine" }).start();
document.documentElement.dataset.ready = "yes";
