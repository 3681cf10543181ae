// The operations page: numbers and plots taken anew with every sample, and dead letters with their replay.

import { call } from "./api.js";
import { when, words } from "./format.js";
import { Live } from "./live.js";
import { Plot } from "./plot.js";
import { say } from "./say.js";
import { fill, table } from "./small-table.js";

const data = JSON.parse(document.getElementById("operations-data").textContent);
const find = (selector) => document.querySelector(selector);
const WINDOW_MS = data.numbers.window_minutes * 60_000;
const SAMPLES_MS = Math.min(WINDOW_MS, 30 * 60_000);
const METHODS = { round_robin: "in turn", roster: "roster", ring_all: "ring all", distribute_all: "New Lead button", queue: "queue" };
const STAGES = ["intake", "leads", "orgs", "relay", "org_relay", "sink", "board"];
const STAGE_NAMES = STAGES.map((stage) => stage.replace("_", " "));
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const EXACT = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export function seconds(value) {
  if (value === null) return "none";
  if (value < 10) return `${Number(value.toFixed(1))} s`;
  if (value < 120) return `${Math.round(value)} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  return `${Number((value / 3600).toFixed(1))} h`;
}
const whole = (value) => Math.round(value).toLocaleString();

const plots = {
  arrivals: new Plot(find('[data-plot="arrivals"]'), { series: ["arrived"], label: "Arrivals per minute", unit: whole }),
  claims: new Plot(find('[data-plot="claims"]'), { series: ["won", "lost"], label: "Claims per minute", unit: whole }),
  speed: new Plot(find('[data-plot="speed"]'), { series: ["p50", "p95"], label: "Time to first claim", unit: seconds }),
  lag: new Plot(find('[data-plot="lag"]'), { series: STAGE_NAMES, label: "Records not handled yet", unit: whole }),
};

let numbers = data.numbers;
let samples = data.numbers.lag;
let letters = data.letters;

// -- numbers ----------------------------------------------------------------------------------------------------

function tiles() {
  const total = (name) => numbers.minutes.reduce((sum, minute) => sum + minute[name], 0);
  const open = Object.values(numbers.exceptions_open).reduce((sum, count) => sum + count, 0);
  const shown = [
    ["arrived", whole(total("arrived")), "Leads arrived"],
    ["won", whole(total("won")), "Claims won"],
    ["lost", whole(total("lost")), "Claims lost"],
    ["p50", seconds(numbers.first_claim.p50_seconds), "First claim, p50"],
    ["p95", seconds(numbers.first_claim.p95_seconds), "First claim, p95"],
    ["offered", whole(numbers.phases.offered ?? 0), "Offered now"],
    ["exceptions", whole(open), "Exceptions open"],
    ["letters", whole(letters.length), "Dead letters"],
  ];
  find("[data-tiles]").replaceChildren(
    ...shown.map(([name, value, label]) => {
      const tile = document.createElement("div");
      const term = Object.assign(document.createElement("dt"), { textContent: label });
      const said = Object.assign(document.createElement("dd"), { textContent: value });
      said.dataset.tile = name;
      tile.append(term, said);
      return tile;
    }),
  );
}

function draw() {
  const minutes = numbers.minutes.map((minute) => ({ ...minute, ms: Date.parse(minute.at) }));
  find("[data-since]").textContent = `${CLOCK.format(minutes[0].ms)} to ${CLOCK.format(Date.parse(numbers.as_of))}, and on`;
  const cut = find("[data-cut]");
  cut.hidden = !numbers.cut;
  cut.textContent = `so much happened that only what came after ${CLOCK.format(Date.parse(numbers.since))} is counted whole`;
  tiles();
  const over = (...names) => minutes.map((minute) => ({ at: minute.ms, values: names.map((name) => minute[name]) }));
  plots.arrivals.show(over("arrived"));
  plots.claims.show(over("won", "lost"));
  plots.speed.show(over("p50_seconds", "p95_seconds"));
  const latest = [...minutes].reverse();
  const minuteTable = (id, heads, cells) =>
    fill(find(`[data-table="${id}"]`), ["Minute", ...heads], latest.map((minute) => [CLOCK.format(minute.ms), ...cells(minute)]));
  minuteTable("arrivals", ["Arrived"], (minute) => [minute.arrived]);
  minuteTable("claims", ["Won", "Lost"], (minute) => [minute.won, minute.lost]);
  minuteTable("speed", ["First claims", "p50", "p95"], (minute) => [
    minute.first_owners,
    seconds(minute.p50_seconds),
    seconds(minute.p95_seconds),
  ]);
  const ends = ["made", "claimed", "timeout", "declined", "voided"];
  fill(
    find('[data-table="offers"]'),
    ["Method", "Made", "Claimed", "Timed out", "Declined", "Voided"],
    numbers.offers.map((one) => [METHODS[one.method] ?? one.method, ...ends.map((name) => one[name])]),
    "No offers in this window.",
  );
  const reasons = [...new Set([...Object.keys(numbers.exceptions_open), ...Object.keys(numbers.exceptions_raised)])];
  fill(
    find('[data-table="exceptions"]'),
    ["Reason", "Raised", "Open now"],
    reasons.map((reason) => [words(reason), numbers.exceptions_raised[reason] ?? 0, numbers.exceptions_open[reason] ?? 0]),
    "No exceptions: every lead found somebody, or waits in a queue.",
  );
  find("[data-groups]").replaceChildren(...(numbers.groups.length ? numbers.groups.map(group) : [nothing("No group gives leads to reps yet.")]));
}

function nothing(text) {
  return Object.assign(document.createElement("p"), { className: "empty", textContent: text });
}

function group(one) {
  const place = document.createElement("div");
  place.className = "group";
  place.dataset.group = one.group_id;
  const heading = document.createElement("h3");
  heading.textContent = `${one.name} (${METHODS[one.method] ?? one.method})`;
  const rows = one.reps.map((rep) => [
    rep.weight === null && rep.rep_id ? `${rep.name} (not on the roster now)` : rep.name,
    rep.weight ?? "",
    rep.offered,
    rep.claimed,
    rep.timeout,
    rep.declined,
    rep.voided,
    passed(rep.skipped),
  ]);
  const shown = table(["Rep", "Weight", "Offered", "Claimed", "Timed out", "Declined", "Voided", "Passed over"], rows, "Its roster is empty.");
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  scroll.append(shown);
  place.append(heading, scroll);
  const nobody = passed(one.nobody);
  if (nobody) {
    const line = document.createElement("p");
    line.className = "why";
    line.textContent = `Nobody could be given a lead: ${nobody}`;
    place.append(line);
  }
  return place;
}

function passed(reasons) {
  return Object.entries(reasons)
    .map(([reason, count]) => `${words(reason)} ${count}`)
    .join(", ");
}

// -- lags -------------------------------------------------------------------------------------------------------

function drawLag() {
  const from = Date.now() - SAMPLES_MS;
  samples = samples.filter((sample) => Date.parse(sample.at) >= from);
  plots.lag.show(gaps(samples.map((sample) => ({ at: Date.parse(sample.at), values: STAGES.map((stage) => sample.lag[stage] ?? null) }))));
  fill(
    find('[data-table="lag"]'),
    ["Time", ...STAGE_NAMES],
    [...samples].reverse().slice(0, 60).map((sample) => [EXACT.format(Date.parse(sample.at)), ...STAGES.map((stage) => sample.lag[stage] ?? "")]),
    "No sample yet.",
  );
}

// Where nothing could be sampled the line is broken.
function gaps(points) {
  const found = [];
  for (const point of points) {
    const before = found.at(-1);
    if (before && point.at - before.at > 15_000) found.push({ at: before.at + 1, values: STAGES.map(() => null) });
    found.push(point);
  }
  return found;
}

// -- dead letters -----------------------------------------------------------------------------------------------

const dialog = find("#letter");
let opened = null;

function drawLetters() {
  const place = find('[data-table="letters"]');
  const focused = document.activeElement?.dataset.letter;
  fill(
    place,
    ["When", "From", "What was wrong", ""],
    letters.map((letter) => {
      const [topic] = letter.source.split(":");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Open";
      button.dataset.letter = letter.place;
      button.setAttribute("aria-label", `Open dead letter ${letter.place}`);
      button.addEventListener("click", () => open(letter.place));
      const sent = letter.replayed_at ? ` (sent again ${when(letter.replayed_at)} by ${letter.replayed_by})` : "";
      return [letter.failed_at ? when(letter.failed_at) : "", topic, `${words(letter.error_class)}: ${letter.reason}${sent}`, button];
    }),
  );
  place.hidden = letters.length === 0;
  find("[data-no-letters]").hidden = letters.length > 0;
  if (focused) place.querySelector(`[data-letter="${CSS.escape(focused)}"]`)?.focus();
}

async function open(place) {
  try {
    opened = await call("GET", `/api/v1/operations/dead-letters/${place}`);
  } catch (error) {
    return say(error.message);
  }
  dialog.querySelector("[data-letter-reason]").textContent = `${words(opened.error_class)}: ${opened.reason}`;
  const facts = [["Place", opened.place], ["From", opened.source], ["Key", opened.key || "none"], ...Object.entries(opened.headers)];
  dialog.querySelector("[data-letter-facts]").replaceChildren(
    ...facts.flatMap(([name, value]) => [
      Object.assign(document.createElement("dt"), { textContent: name }),
      Object.assign(document.createElement("dd"), { textContent: value }),
    ]),
  );
  dialog.querySelector("[data-letter-value]").textContent = opened.value;
  const again = dialog.querySelector("[data-letter-replay]");
  again.hidden = !opened.replayable;
  dialog.showModal();
  dialog.querySelector("[data-letter-close]").focus();
}

dialog.querySelector("[data-letter-close]").addEventListener("click", () => dialog.close());
dialog.querySelector("[data-letter-replay]").addEventListener("click", async (event) => {
  event.target.disabled = true;
  try {
    const answer = await call("POST", `/api/v1/operations/dead-letters/${opened.place}/replay`);
    say(`Sent to ${answer.topic} again. If it is still wrong it comes back as a new dead letter.`);
    dialog.close();
    await refresh();
  } catch (error) {
    say(error.message);
  } finally {
    event.target.disabled = false;
  }
});
dialog.addEventListener("close", () => find(`[data-letter="${CSS.escape(opened?.place ?? "")}"]`)?.focus());

// -- live -------------------------------------------------------------------------------------------------------

let asking = false;
async function refresh() {
  if (asking || document.hidden) return;
  asking = true;
  try {
    const query = new URLSearchParams({ minutes: numbers.window_minutes, samples: 0 });
    const found = await call("GET", `/api/v1/operations?${query}`);
    // The list of letters is asked for only when it may have changed.
    const again = found.dead_letters !== letters.length || found.dead_letters >= 500 || opened;
    numbers = found;
    if (again) {
      letters = await call("GET", "/api/v1/operations/dead-letters");
      drawLetters();
    }
    draw();
  } catch {
    // The page's connection says that the console is away; the next sample asks again.
  } finally {
    asking = false;
  }
}

const live = new Live({ watch: "operations", queue: "-" });
live.on("operations", (sample) => {
  samples.push(sample);
  drawLag();
  refresh();
});
live.on("open", refresh);
live.start();
draw();
drawLag();
drawLetters();
document.documentElement.dataset.ready = "yes";
