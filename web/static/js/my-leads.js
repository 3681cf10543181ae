// My leads (S6): search, filters, columns, actions on a selection, create, export; for managers D6 as well.

import { call } from "./api.js";
import { edit } from "./columns.js";
import * as creating from "./create-lead.js";
import { giveOut, segments, uploads } from "./give-out.js";
import { Live } from "./live.js";
import { run } from "./many.js";
import { confirmed } from "./picker.js";
import { say } from "./say.js";
import { Table, nameOf } from "./table.js";

const data = JSON.parse(document.getElementById("list-data").textContent);
const root = document.getElementById("list");
const find = (selector) => root.querySelector(selector);

const table = new Table(root, {
  api: data.api,
  columns: data.columns,
  visible: data.visible,
  sort: data.sort,
  cell,
  empty: data.oversees ? "No leads yet." : "You have no leads yet. Claim one from a green queue, or create one.",
  drawn,
});

// The first column that is shown leads to the lead.
function cell(column, row) {
  if (column.name !== table.visible[0]) return null;
  const link = document.createElement("a");
  link.href = `/leads/${row.lead_id}`;
  link.dataset.does = "open";
  link.textContent = table.text(column, row[column.name]) || nameOf(row);
  link.setAttribute("aria-label", `Open ${nameOf(row)}`);
  return [link];
}

function drawn() {
  const query = table.query();
  query.delete("cursor");
  query.delete("limit");
  query.set("columns", table.visible.join(","));
  find("[data-export]").href = `/api/v1/leads.csv?${query}`;
  const set = find("[data-segment-set]");
  if (set) set.textContent = table.address.has("segment") ? "(on)" : "";
}

// -- columns ----------------------------------------------------------------------------------------------------------

find("[data-columns]").addEventListener("click", async () => {
  const names = await edit(data.columns, table.visible, data.usual);
  if (!names) return;
  table.show(names);
  try {
    await call("PUT", `/api/v1/preferences/${data.preference}`, { columns: names });
    say("Your columns are kept.");
  } catch (error) {
    say(error.message);
  }
});

// -- actions on the selection -----------------------------------------------------------------------------------------

const dialog = document.getElementById("ask");
document.getElementById("outcomes").append(...data.outcomes.map((outcome) => new Option(outcome)));

// Enter in a field is the first submit button's: so Cancel is none.
dialog.querySelector("[data-cancel]").addEventListener("click", () => dialog.close());

function ask(title, parts, needed) {
  const inputs = Object.fromEntries(["outcome", "at", "note"].map((part) => [part, document.getElementById(`ask-${part}`)]));
  dialog.querySelector("[data-title]").textContent = title;
  for (const [part, input] of Object.entries(inputs)) {
    dialog.querySelector(`[data-part=${part}]`).hidden = !parts.includes(part);
    input.value = "";
    input.required = part === needed;
  }
  dialog.returnValue = "";
  dialog.showModal();
  inputs[parts[0]].focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      if (dialog.returnValue !== "ok") return resolve(null);
      const found = {};
      for (const part of parts) if (inputs[part].value) found[part] = inputs[part].value;
      if (found.at) found.at = new Date(found.at).toISOString();
      resolve(found);
    }, { once: true });
  });
}

async function together(title, did, action) {
  const names = new Map([...table.selected].map(([lead, row]) => [lead, nameOf(row)]));
  const last = await run(title, did, { which: table.which("leads"), do: action }, names);
  if (last) table.selectNone();
  table.load();
}

const several = () => (table.chosen === 1 ? "1 lead" : `${table.chosen.toLocaleString()} leads`);

find("[data-outcome-chosen]").addEventListener("click", async () => {
  const given = await ask(`Outcome of ${several()}`, ["outcome", "note"], "outcome");
  if (given) await together("Recording the outcome", "recorded", { type: "outcome", ...given });
});
find("[data-callback-chosen]").addEventListener("click", async () => {
  const given = await ask(`Call back ${several()}`, ["at"]);
  if (given) await together("Setting the call back", "set", { type: "callback", ...given });
});
find("[data-note-chosen]").addEventListener("click", async () => {
  const given = await ask(`Note on ${several()}`, ["note"], "note");
  if (given) await together("Writing the note", "written", { type: "note", ...given });
});
find("[data-release-chosen]").addEventListener("click", async () => {
  if (await confirmed(`Release ${several()}?`, "Gives back the lock of those you have open; the owner stays.")) {
    await together("Releasing", "released", { type: "release" });
  }
});

if (data.oversees) {
  find("[data-assign-chosen]").addEventListener("click", () => giveOut(table, table.which("leads"), table.chosen));
  segments(table);
  uploads(table);
}

// -- create -----------------------------------------------------------------------------------------------------------

creating.fill(data.campaigns);
find("[data-create]").addEventListener("click", async () => {
  const made = await creating.create();
  if (!made) return;
  if (!made.there) return say(`${made.name} is on its way. A person who is known already becomes another inquiry of their lead.`, 12000);
  await table.load();
  const line = root.querySelector(`tr[data-lead="${made.lead_id}"]`);
  line?.classList.add("fresh");
  line?.querySelector('[data-does="open"]')?.focus();
  say(line ? `${made.name} is created.` : `${made.name} is created; these filters do not show it.`);
});

// -- live -------------------------------------------------------------------------------------------------------------

await table.load();
const live = new Live({ queue: "mine" });
live.on("leads", () => table.soon());
live.on("list", (change) => change.change === "rebuilt" && table.soon());
live.start();
document.documentElement.dataset.ready = "yes";
