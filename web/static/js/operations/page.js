// The operations page: numbers and plots, updated with every sample, and the dead letters.

import { call } from "../api.js";
import { finder, pageData } from "../dom.js";
import { valueLabel } from "../format.js";
import { Live } from "../live.js";
import { fillTable } from "../small-table.js";
import { DeadLetters } from "./dead-letters.js";
import { drawGroups, METHOD_LABELS } from "./groups.js";
import { Locks } from "./locks.js";
import { seconds, whole } from "./numbers.js";
import { Plot } from "./plot.js";

/** @import { Numbers, Sample } from "./numbers.js" */

const data = pageData("operations-data");
const find = finder(document);
const MAX_SAMPLES_MS = 30 * 60_000;
const SAMPLES_MS = Math.min(data.numbers.window_minutes * 60_000, MAX_SAMPLES_MS);
const GAP_MS = 15_000; // A longer distance between two samples is a gap in the plot.
const ROWS = 60;
const STAGES = ["intake", "leads", "orgs", "relay", "org_relay", "sink", "board"];
const STAGE_NAMES = STAGES.map((stage) => stage.replace("_", " "));
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const CLOCK_SECONDS = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

const plots = {
  arrivals: new Plot(find('[data-plot="arrivals"]'), {
    series: ["arrived"],
    label: "Arrivals per minute",
    unit: whole,
  }),
  claims: new Plot(find('[data-plot="claims"]'), { series: ["won", "lost"], label: "Claims per minute", unit: whole }),
  speed: new Plot(find('[data-plot="speed"]'), { series: ["p50", "p95"], label: "Time to first claim", unit: seconds }),
  lag: new Plot(find('[data-plot="lag"]'), { series: STAGE_NAMES, label: "Records not handled yet", unit: whole }),
};

/** @type {Numbers} */
let numbers = data.numbers;
/** @type {Sample[]} */
let samples = data.numbers.lag;
const letters = new DeadLetters(data.letters, refresh);
const locks = new Locks(data.locks);

// -- numbers ----------------------------------------------------------------------------------------------------

/** @param {Record<string, number>} counts */
const sum = (counts) => Object.values(counts).reduce((total, count) => total + count, 0);

function drawTiles() {
  /** @param {"arrived" | "won" | "lost"} name */
  const total = (name) => numbers.minutes.reduce((count, minute) => count + minute[name], 0);
  const tiles = [
    ["arrived", whole(total("arrived")), "Leads arrived"],
    ["won", whole(total("won")), "Claims won"],
    ["lost", whole(total("lost")), "Claims lost"],
    ["p50", seconds(numbers.first_claim.p50_seconds), "First claim, p50"],
    ["p95", seconds(numbers.first_claim.p95_seconds), "First claim, p95"],
    ["offered", whole(numbers.phases.offered ?? 0), "Offered now"],
    ["exceptions", whole(sum(numbers.exceptions_open)), "Exceptions open"],
    ["letters", whole(letters.count), "Dead letters"],
  ];
  find("[data-tiles]").replaceChildren(
    ...tiles.map(([name, value, label]) => {
      const tile = document.createElement("div");
      const term = Object.assign(document.createElement("dt"), { textContent: label });
      const number = Object.assign(document.createElement("dd"), { textContent: value });
      number.dataset.tile = name;
      tile.append(term, number);
      return tile;
    }),
  );
}

function draw() {
  const minutes = numbers.minutes.map((minute) => ({ ...minute, ms: Date.parse(minute.at) }));
  const from = CLOCK.format(minutes[0].ms);
  find("[data-since]").textContent = `${from} to ${CLOCK.format(Date.parse(numbers.as_of))}`;
  const cut = find("[data-cut]");
  cut.hidden = !numbers.cut;
  const since = CLOCK.format(Date.parse(numbers.since));
  cut.textContent = `there is too much to count, so the numbers begin at ${since}`;
  drawTiles();
  plots.arrivals.show(minutes.map(({ ms, arrived }) => ({ at: ms, values: [arrived] })));
  plots.claims.show(minutes.map(({ ms, won, lost }) => ({ at: ms, values: [won, lost] })));
  plots.speed.show(minutes.map(({ ms, p50_seconds, p95_seconds }) => ({ at: ms, values: [p50_seconds, p95_seconds] })));
  const latest = [...minutes].reverse();
  fillTable(
    find('[data-table="arrivals"]', "table"),
    ["Minute", "Arrived"],
    latest.map(({ ms, arrived }) => [CLOCK.format(ms), arrived]),
  );
  fillTable(
    find('[data-table="claims"]', "table"),
    ["Minute", "Won", "Lost"],
    latest.map(({ ms, won, lost }) => [CLOCK.format(ms), won, lost]),
  );
  fillTable(
    find('[data-table="speed"]', "table"),
    ["Minute", "First claims", "p50", "p95"],
    latest.map((minute) => [
      CLOCK.format(minute.ms),
      minute.first_owners,
      seconds(minute.p50_seconds),
      seconds(minute.p95_seconds),
    ]),
  );
  fillTable(
    find('[data-table="offers"]', "table"),
    ["Method", "Made", "Claimed", "Timed out", "Declined", "Voided"],
    numbers.offers.map(({ method, made, claimed, timeout, declined, voided }) => {
      return [METHOD_LABELS[method] ?? method, made, claimed, timeout, declined, voided];
    }),
    "No offers in this window.",
  );
  const { exceptions_open: open, exceptions_raised: raised } = numbers;
  const reasons = [...new Set([...Object.keys(open), ...Object.keys(raised)])];
  fillTable(
    find('[data-table="exceptions"]', "table"),
    ["Reason", "Raised", "Open now"],
    reasons.map((reason) => [valueLabel(reason), raised[reason] ?? 0, open[reason] ?? 0]),
    "No exceptions: every lead has an owner or is in a queue.",
  );
  drawGroups(find("[data-groups]"), numbers.groups);
}

// -- lags -------------------------------------------------------------------------------------------------------

function drawLag() {
  const from = Date.now() - SAMPLES_MS;
  samples = samples.filter((sample) => Date.parse(sample.at) >= from);
  plots.lag.show(
    withGaps(
      samples.map((sample) => ({
        at: Date.parse(sample.at),
        values: STAGES.map((stage) => sample.lag[stage] ?? null),
      })),
    ),
  );
  fillTable(
    find('[data-table="lag"]', "table"),
    ["Time", ...STAGE_NAMES],
    [...samples]
      .reverse()
      .slice(0, ROWS)
      .map(({ at, lag }) => [CLOCK_SECONDS.format(Date.parse(at)), ...STAGES.map((stage) => lag[stage] ?? "")]),
    "No sample yet.",
  );
}

/**
 * Breaks the line where there are no samples.
 * @param {import("./plot.js").Point[]} points
 */
function withGaps(points) {
  /** @type {typeof points} */
  const found = [];
  for (const point of points) {
    const before = found.at(-1);
    if (before && point.at - before.at > GAP_MS) found.push({ at: before.at + 1, values: STAGES.map(() => null) });
    found.push(point);
  }
  return found;
}

// -- live -------------------------------------------------------------------------------------------------------

let isRefreshing = false;
async function refresh() {
  if (isRefreshing || document.hidden) return;
  isRefreshing = true;
  try {
    const query = new URLSearchParams({ minutes: String(numbers.window_minutes), samples: "0" });
    numbers = await call("GET", `/api/v1/operations?${query}`);
    await letters.refresh(numbers.dead_letters);
    await locks.refresh();
    draw();
  } catch {
    // The page shows that the console is unavailable. The next sample triggers a retry.
  } finally {
    isRefreshing = false;
  }
}

const live = new Live({ watch: "operations", queue: "-" });
live.on("operations", (sample) => {
  samples.push(sample);
  drawLag();
  refresh();
});
const readLetters = () => letters.read().catch(() => {}); // The next sample triggers a retry.
live.on("dead_letters", readLetters);
document.addEventListener("visibilitychange", readLetters);
live.on("open", refresh);
live.start();
draw();
drawLag();
letters.draw();
locks.draw();
document.documentElement.dataset.ready = "yes";
