// Fairness per group: how many leads each rep was offered, and who was passed over and why.

import { spaced } from "../format.js";
import { makeTable } from "../small-table.js";

/** @import { Group } from "./numbers.js" */

/** @type {Record<string, string>} */
export const METHOD_LABELS = {
  round_robin: "in turn",
  roster: "roster",
  ring_all: "ring all",
  distribute_all: "New Lead button",
  queue: "queue",
};
const HEADS = ["Rep", "Weight", "Offered", "Claimed", "Timed out", "Declined", "Voided", "Passed over"];

/**
 * @param {HTMLElement} container
 * @param {Group[]} groups
 */
export function drawGroups(container, groups) {
  const empty = document.createElement("p");
  Object.assign(empty, { className: "empty", textContent: "No group gives leads to reps yet." });
  container.replaceChildren(...(groups.length ? groups.map(groupNode) : [empty]));
}

/** @param {Group} group */
function groupNode(group) {
  const node = document.createElement("div");
  node.className = "group";
  node.dataset.group = group.group_id;
  const heading = document.createElement("h3");
  heading.textContent = `${group.name} (${METHOD_LABELS[group.method] ?? group.method})`;
  const rows = group.reps.map((rep) => [
    rep.weight === null && rep.rep_id ? `${rep.name} (not on the roster now)` : rep.name,
    rep.weight ?? "",
    rep.offered,
    rep.claimed,
    rep.timeout,
    rep.declined,
    rep.voided,
    counts(rep.skipped),
  ]);
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  scroll.tabIndex = 0; // keys scroll it too
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", `Offers of ${group.name}`);
  scroll.append(makeTable(HEADS, rows, "Its roster is empty."));
  node.append(heading, scroll);
  const nobody = counts(group.nobody);
  if (nobody) {
    const line = document.createElement("p");
    line.className = "why";
    line.textContent = `Nobody could be given a lead: ${nobody}`;
    node.append(line);
  }
  return node;
}

/** @param {Record<string, number>} byReason */
function counts(byReason) {
  return Object.entries(byReason)
    .map(([reason, count]) => `${spaced(reason)} ${count}`)
    .join(", ");
}
