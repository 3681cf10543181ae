// The exceptions desk (E2, E3, E4) and, for people with read access only, the unassigned leads (E5).

import { act, call, messageOf, pendingActions } from "./api.js";
import { runBulkAction } from "./bulk-actions.js";
import { isConfirmed } from "./confirm.js";
import { element, finder, pageData } from "./dom.js";
import { leadCount, phoneText, sentence, spaced, valueLabel } from "./format.js";
import { keepPosition } from "./list-position.js";
import { Live } from "./live.js";
import { askForMove } from "./move-dialog.js";
import { doOrOverride } from "./overrides.js";
import { button, nameOf } from "./row-parts.js";
import { SavedLists } from "./saved-lists.js";
import { say } from "./say.js";
import { setUpMoves } from "./selection-moves.js";
import { Table } from "./table.js";

/** @import { Body } from "./overrides.js" */
/** @import { Selection } from "./selection.js" */
/** @import { Answer, Column, LeadRow } from "./types.d.ts" */

const LONG_MS = 12000;
const data = pageData("list-data");
const root = element("#list");
const find = finder(root);

const table = new Table(root, {
  api: data.api,
  columns: data.columns,
  sort: data.sort,
  keep: ["ignored"],
  actions: data.desk ? actions : null,
  cell: data.desk ? cell : null,
  empty: data.desk ? "No exceptions: every lead has an owner or is in a queue." : "No unassigned leads now.",
  onDraw: data.desk ? drawIgnored : undefined,
});

/** @param {LeadRow} row */
function actions(row) {
  const name = nameOf(row);
  const second =
    row.status === "ignored"
      ? button("Bring back", `Bring back ${name}`, "ignore", () => bringBack(row))
      : button("Ignore", `Ignore ${name}`, "ignore", () => ignore(row));
  return [button("Assign", `Assign ${name}`, "assign", () => assign(row), "primary"), second];
}

/**
 * @param {Column} column
 * @param {LeadRow} row
 */
function cell(column, row) {
  if (column.name === "reason") {
    const reason = valueLabel(row.reason ?? "why");
    return [button(reason, `Why: ${reason}, ${nameOf(row)}`, "why", () => explain(row), "link")];
  }
  if (column.name === "prospect_name") {
    const link = document.createElement("a");
    Object.assign(link, { href: `/leads/${row.lead_id}`, textContent: phoneText(row.prospect_name) });
    link.dataset.does = "open";
    link.setAttribute("aria-label", `Open ${phoneText(row.prospect_name)}`);
    const badge = Object.assign(document.createElement("span"), { className: "badge", textContent: "Ignored" });
    return row.status === "ignored" ? [link, " ", badge] : [link];
  }
  return null;
}

function drawIgnored() {
  saved?.draw();
  find("[data-ignored]").textContent = `(${(table.page?.ignored ?? 0).toLocaleString()})`;
  find("[data-show-ignored]", "input").checked = table.address.get("ignored") === "true";
}

// -- one lead ---------------------------------------------------------------------------------------------------

/**
 * @param {LeadRow} row
 * @param {object} action
 * @param {string} done the message about the lead afterwards
 * @returns {Promise<Answer | null>} null if the console did not accept it
 */
async function decide(row, action, done) {
  const name = nameOf(row);
  try {
    const answer = await act(`/api/v1/leads/${row.lead_id}/actions`, action, { name, done });
    report(answer, name, done);
    return answer;
  } catch (error) {
    say(messageOf(error));
    return null;
  } finally {
    table.loadSoon();
  }
}

/**
 * @param {Answer} answer
 * @param {string} name
 * @param {string} done
 */
function report(answer, name, done) {
  if (answer.result === "done") say(`${name} ${done}.`);
  else if (answer.result === "lost") say(`${name}: ${answer.owner_name ?? answer.owner} has it already.`, LONG_MS);
  else say(`${name}: ${sentence(answer.problem ?? answer.why ?? spaced(answer.reason ?? "refused"))}`, LONG_MS);
}

/** @param {LeadRow} row */
async function assign(row) {
  const chosen = await askForMove({
    title: `Assign ${nameOf(row)}`,
    effect: "The rep you choose owns the lead from then on, and is told.",
    label: "Assign",
    reps: "one",
    why: false,
    lead: row.lead_id,
  });
  if (!chosen) return;
  const [[rep_id, name]] = chosen.reps;
  const answer = await give(row, { type: "assign", to_rep_id: rep_id }, "is assigned");
  if (answer?.result === "lost") await offerMove(row, answer, { rep_id, name });
}

/**
 * Gives a lead to a rep, also against the rep's licence or cap if the manager wants that (M6).
 * @param {LeadRow} row
 * @param {Body} action
 * @param {string} done the message about the lead afterwards
 */
async function give(row, action, done) {
  const answer = await doOrOverride(action, (body) => decide(row, body, done));
  table.keepFocus();
  return answer;
}

/**
 * Offers to move a lead that somebody has already (E3).
 * @param {LeadRow} row
 * @param {Answer} answer to the assignment
 * @param {{rep_id: string, name: string}} chosen
 */
async function offerMove(row, answer, chosen) {
  const owner = answer.owner_name ?? answer.owner;
  const moved = await askForMove({
    title: `${owner} has ${nameOf(row)} already`,
    effect: `You may move the lead from ${owner} to another rep. Both are told.`,
    label: "Reassign",
    reps: "one",
    why: true,
    lead: row.lead_id,
    chosen,
  });
  if (!moved) return table.keepFocus();
  const [[to]] = moved.reps;
  await give(row, { type: "reassign", to_rep_id: to, why: moved.why }, "is moved");
}

/** @param {LeadRow} row */
async function ignore(row) {
  const note = `${nameOf(row)} is hidden from this list. Turn on Show Ignored to see it again.`;
  if (await isConfirmed("Do you really want to ignore this lead?", note)) {
    await decide(row, { type: "ignore" }, "is ignored");
  }
}

/** @param {LeadRow} row */
const bringBack = (row) => decide(row, { type: "unignore" }, "is back");

/**
 * @typedef {object} Explained why a rep or a queue did not take the lead
 * @property {string} [rep_id]
 * @property {string} [rep_name]
 * @property {string} [queue_id]
 * @property {string} [queue_name]
 * @property {string} why
 * @property {string} [words] `why` with names and labels in place of ids and values
 */

/** @param {LeadRow} row */
async function explain(row) {
  const dialog = element("#why", document, "dialog");
  const close = element("[data-close]", dialog);
  const list = element("[data-explanation]", dialog);
  element("[data-title]", dialog).textContent = `Why nobody has ${nameOf(row)}`;
  element("[data-reason]", dialog).textContent = valueLabel(row.reason ?? "");
  list.replaceChildren();
  close.onclick = () => dialog.close();
  dialog.showModal();
  close.focus();
  try {
    /** @type {{explanation: Explained[]}} */
    const { explanation } = await call("GET", `/api/v1/exceptions/${row.lead_id}`);
    list.replaceChildren(
      ...explanation.map(({ rep_id, rep_name, queue_id, queue_name, why, words }) => {
        const whom = rep_name ?? rep_id ?? queue_name ?? queue_id;
        const text = words ?? why;
        return Object.assign(document.createElement("li"), { textContent: whom ? `${whom}: ${text}` : text });
      }),
    );
    if (!explanation.length) list.textContent = "Nobody was considered.";
  } catch (error) {
    list.textContent = messageOf(error);
  }
}

// -- several ----------------------------------------------------------------------------------------------------

/** @param {Selection} selection */
function setUpSelection(selection) {
  /**
   * @param {string} title
   * @param {string} participle
   * @param {object} body
   */
  async function run(title, participle, body) {
    const which = selection.forApi("exceptions");
    const result = await runBulkAction(title, participle, { which, ...body }, { names: selection.names });
    if (result) selection.clear();
    table.load();
  }

  setUpMoves(
    root,
    () => ({ which: selection.forApi("exceptions"), count: selection.count, names: selection.names }),
    (isDone) => {
      if (isDone) selection.clear();
      table.load();
    },
  );
  find("[data-ignore-chosen]").addEventListener("click", async () => {
    const { count } = selection;
    const which = count === 1 ? "this lead" : `these ${leadCount(count)}`;
    if (await isConfirmed(`Do you really want to ignore ${which}?`)) {
      await run(`Ignoring ${leadCount(count)}`, "ignored", { do: { type: "ignore" } });
    }
  });
}
if (table.selection) setUpSelection(table.selection);

if (data.desk) {
  const showIgnored = find("[data-show-ignored]", "input");
  showIgnored.addEventListener("change", () => table.change({ ignored: showIgnored.checked ? "true" : null }));
}

const saved = data.desk
  ? new SavedLists(table, {
      list: "exceptions",
      all: "All exceptions",
      mayShare: true,
      columns: data.columns.map((/** @type {Column} */ column) => column.name),
    })
  : null;
const returnToPosition = keepPosition(find("[data-rows]"));

// -- live -------------------------------------------------------------------------------------------------------

// Actions whose answers this page has not seen are sent again with the same id, so the answer is the same.
for (const [key, { path, body, note }] of Object.entries(pendingActions())) {
  const { name, done } = note;
  if (data.desk && path.endsWith("/actions") && name && done) {
    act(path, body, note, key).then(
      (answer) => report(answer, name, done),
      (error) => say(messageOf(error)),
    );
  }
}

await saved?.start();
await table.load();
returnToPosition();
const live = new Live({ queue: "mine" });
// `open`: what came while the page had no stream is told nowhere.
for (const event of ["open", "exceptions"]) live.on(event, () => table.loadSoon());
live.on("list", (change) => change.change === "rebuilt" && table.loadSoon());
live.start();
document.documentElement.dataset.ready = "yes";
