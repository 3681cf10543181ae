// My leads (S6): search, filters, columns, actions on a selection, create, export; for managers also assigning (D6).

import { call, messageOf } from "./api.js";
import { runBulkAction } from "./bulk-actions.js";
import { editColumns } from "./column-editor.js";
import { isConfirmed } from "./confirm.js";
import { createLead, fillForm } from "./create-lead.js";
import { element, finder, pageData } from "./dom.js";
import { leadCount, NO_VALUE, outcomeLabel, outcomeOf, phoneText } from "./format.js";
import { setUpSegments, setUpUploads } from "./lead-choice.js";
import { keepPosition } from "./list-position.js";
import { Live } from "./live.js";
import { doNotCall, nameOf } from "./row-parts.js";
import { SavedLists } from "./saved-lists.js";
import { say } from "./say.js";
import { setUpMoves } from "./selection-moves.js";
import { Table } from "./table.js";
import { callButton, hasTelephone, phoneLink } from "./telephone.js";

/** @import { Selection } from "./selection.js" */
/** @import { Column, LeadRow } from "./types.d.ts" */

const data = pageData("list-data");
const root = element("#list");
const find = finder(root);

const table = new Table(root, {
  api: data.api,
  columns: data.columns,
  visible: data.visible,
  sort: data.sort,
  cell,
  empty: data.oversees ? "No leads yet." : "You have no leads yet. Claim one from a green queue, or create one.",
  onDraw: drawTools,
});
const returnToPosition = keepPosition(find("[data-rows]"));
const selection = /** @type {Selection} */ (table.selection);

/**
 * Makes the first visible column a link to the lead.
 * @param {Column} column
 * @param {LeadRow} row
 */
function cell(column, row) {
  if (column.name === "phone" && row.may_call === false && row.phone && column.name !== table.visible[0]) {
    return [phoneText(row.phone), " ", doNotCall(), table.times.label(row.lead_id)];
  }
  if (column.name === "phone" && row.phone && column.name !== table.visible[0]) {
    const text = table.text(column, row.phone);
    const time = table.times.label(row.lead_id);
    if (!hasTelephone()) return [phoneLink(nameOf(row), row.phone, text), time];
    if (!data.oversees) return [text, " ", callButton(row.lead_id, nameOf(row)), time];
  }
  if (column.name !== table.visible[0]) return null;
  const link = document.createElement("a");
  link.href = `/leads/${row.lead_id}`;
  link.dataset.does = "open";
  const text = table.text(column, row[column.name]);
  link.textContent = text === NO_VALUE ? nameOf(row) : text;
  link.setAttribute("aria-label", `Open ${nameOf(row)}`);
  return [link];
}

function drawTools() {
  saved.draw();
  const query = table.query();
  query.delete("cursor");
  query.delete("limit");
  query.set("columns", table.visible.join(","));
  find("[data-export]", "a").href = `/api/v1/leads.csv?${query}`;
  if (data.oversees) find("[data-segment-set]").textContent = table.address.has("segment") ? "(on)" : "";
}

const saved = new SavedLists(table, {
  list: "leads",
  all: data.oversees ? "All leads" : "My leads",
  mayShare: data.oversees,
  columns: data.visible,
});

// -- columns ----------------------------------------------------------------------------------------------------

find("[data-columns]").addEventListener("click", async () => {
  const names = await editColumns(data.columns, table.visible, data.usual);
  if (!names) return;
  table.showColumns(names);
  saved.usual = names;
  try {
    await call("PUT", `/api/v1/preferences/${data.preference}`, { columns: names });
    say("Your columns are saved.");
  } catch (error) {
    say(messageOf(error));
  }
});

// -- actions on the selection -----------------------------------------------------------------------------------

/** @typedef {"outcome" | "at" | "note"} Part of the dialog */

const dialog = element("#ask", document, "dialog");
element("#outcomes").append(
  .../** @type {string[]} */ (data.outcomes).map((outcome) => new Option(outcomeLabel(outcome))),
);
/** @type {Record<Part, HTMLInputElement | HTMLTextAreaElement>} */
const inputs = {
  outcome: element("#ask-outcome", dialog, "input"),
  at: element("#ask-at", dialog, "input"),
  note: element("#ask-note", dialog, "textarea"),
};

// Enter in a field presses the first submit button, so Cancel must not be a submit button.
element("[data-cancel]", dialog).addEventListener("click", () => dialog.close());

/**
 * Asks for the inputs of an action.
 * @param {string} title
 * @param {Part[]} parts to show
 * @param {Part} [required]
 * @returns {Promise<Partial<Record<Part, string>> | null>} null if the dialog was cancelled
 */
function askFor(title, parts, required) {
  element("[data-title]", dialog).textContent = title;
  for (const part of /** @type {Part[]} */ (Object.keys(inputs))) {
    element(`[data-part=${part}]`, dialog).hidden = !parts.includes(part);
    inputs[part].value = "";
    inputs[part].required = part === required;
  }
  dialog.returnValue = "";
  dialog.showModal();
  inputs[parts[0]].focus();
  return new Promise((resolve) => {
    const end = () => {
      if (dialog.returnValue !== "ok") return resolve(null);
      /** @type {Partial<Record<Part, string>>} */
      const given = {};
      for (const part of parts) if (inputs[part].value) given[part] = inputs[part].value;
      if (given.at) given.at = new Date(given.at).toISOString();
      resolve(given);
    };
    dialog.addEventListener("close", end, { once: true });
  });
}

/**
 * @param {string} title
 * @param {string} participle
 * @param {object} action
 */
async function runOnSelection(title, participle, action) {
  const body = { which: selection.forApi("leads"), do: action };
  const result = await runBulkAction(title, participle, body, { names: selection.names });
  if (result) selection.clear();
  table.load();
}

const selectedLeads = () => leadCount(selection.count);

find("[data-outcome-chosen]").addEventListener("click", async () => {
  const given = await askFor(`Outcome of ${selectedLeads()}`, ["outcome", "note"], "outcome");
  if (!given) return;
  given.outcome = outcomeOf(given.outcome ?? "", data.outcomes);
  await runOnSelection("Recording the outcome", "recorded", { type: "outcome", ...given });
});
find("[data-callback-chosen]").addEventListener("click", async () => {
  const given = await askFor(`Call back ${selectedLeads()}`, ["at"]);
  if (given) await runOnSelection("Setting the call back", "set", { type: "callback", ...given });
});
find("[data-note-chosen]").addEventListener("click", async () => {
  const given = await askFor(`Note on ${selectedLeads()}`, ["note"], "note");
  if (given) await runOnSelection("Writing the note", "written", { type: "note", ...given });
});
find("[data-release-chosen]").addEventListener("click", async () => {
  const question = `Release ${selectedLeads()}?`;
  if (await isConfirmed(question, "Unlocks those leads that you have open. Their owners stay.")) {
    await runOnSelection("Releasing", "released", { type: "release" });
  }
});

setUpMoves(
  root,
  () => ({ which: selection.forApi("leads"), count: selection.count, names: selection.names }),
  (isDone) => {
    if (isDone) selection.clear();
    table.load();
  },
);
if (data.oversees) {
  setUpSegments(table);
  setUpUploads(table);
}

// -- create -----------------------------------------------------------------------------------------------------

fillForm(data.campaigns);
find("[data-create]").addEventListener("click", async () => {
  const made = await createLead();
  if (!made) return;
  if (!made.there) {
    const text = `${made.name} is on its way. If the person is known already, this becomes another inquiry of their lead.`;
    return say(text, 12000);
  }
  await table.hold.without(() => table.load()); // the person asked for this row
  const line = table.lines.get(made.lead_id);
  line?.classList.add("fresh");
  if (line) element('[data-does="open"]', line).focus();
  say(line ? `${made.name} is created.` : `${made.name} is created. Your filters hide it.`);
});

// -- live -------------------------------------------------------------------------------------------------------

await saved.start();
await table.load();
returnToPosition();
const live = new Live({ queue: "mine" });
// `open`: what came while the page had no stream is told nowhere.
for (const event of ["open", "leads"]) live.on(event, () => table.loadSoon());
live.on("list", (change) => change.change === "rebuilt" && table.loadSoon());
live.start();
document.documentElement.dataset.ready = "yes";
if (location.hash === "#create") find("[data-create]").click(); // the last of the first steps (web/services/first_steps.py)
