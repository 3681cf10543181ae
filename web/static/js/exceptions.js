// The exceptions desk (E2, E3, E4) and, for those who may only look, the unassigned leads (E5).

import { act, call, pending } from "./api.js";
import { words } from "./format.js";
import { Live } from "./live.js";
import { run } from "./many.js";
import { confirmed, pick } from "./picker.js";
import { say } from "./say.js";
import { Table, button, nameOf } from "./table.js";

const data = JSON.parse(document.getElementById("list-data").textContent);
const root = document.getElementById("list");

const table = new Table(root, {
  api: data.api,
  columns: data.columns,
  sort: data.sort,
  keep: ["ignored"],
  act: data.desk ? actions : null,
  cell: data.desk ? cell : null,
  empty: data.desk ? "No exceptions: every lead has somebody or stands in a queue." : "No unassigned leads now.",
  drawn,
});

function actions(row) {
  const name = nameOf(row);
  const cells = [button("Assign", `Assign ${name}`, "assign", () => assign(row), "primary")];
  if (row.status === "ignored") cells.push(button("Bring back", `Bring back ${name}`, "ignore", () => bringBack(row)));
  else cells.push(button("Ignore", `Ignore ${name}`, "ignore", () => ignore(row)));
  return cells;
}

function cell(column, row) {
  if (column.name === "reason") {
    const said = words(row.reason ?? "why");
    return [button(said, `Why: ${said}, ${nameOf(row)}`, "why", () => explain(row), "link")];
  }
  if (column.name === "prospect_name" && row.status === "ignored") {
    const badge = Object.assign(document.createElement("span"), { className: "badge", textContent: "ignored" });
    return [`${row.prospect_name} `, badge];
  }
  return null;
}

function drawn({ page }) {
  if (!data.desk || !page) return;
  root.querySelector("[data-ignored]").textContent = `(${page.ignored.toLocaleString()})`;
  root.querySelector("[data-show-ignored]").checked = table.address.get("ignored") === "true";
}

// -- one lead ---------------------------------------------------------------------------------------------------------

async function decide(row, body, done) {
  const name = nameOf(row);
  try {
    const answer = await act(`/api/v1/leads/${row.lead_id}/actions`, body, { name, did: done });
    said(answer, name, done);
  } catch (error) {
    say(error.message);
  }
  table.soon();
}

function said(answer, name, done) {
  if (answer.result === "done") say(`${name} ${done}.`);
  else if (answer.result === "lost") say(`${name}: ${answer.owner_name ?? answer.owner} has it already.`, 12000);
  else say(`${name}: ${answer.why ?? answer.reason}`, 12000);
}

async function assign(row) {
  const chosen = await pick(`Assign ${nameOf(row)}`);
  if (chosen) await decide(row, { type: "assign", to_rep_id: chosen[0] }, "is assigned");
}

async function ignore(row) {
  const note = `${nameOf(row)} is hidden from this list. Show Ignored brings it back into sight.`;
  if (await confirmed("Do you really want to ignore this lead?", note)) await decide(row, { type: "ignore" }, "is ignored");
}

const bringBack = (row) => decide(row, { type: "unignore" }, "is back");

async function explain(row) {
  const dialog = document.getElementById("why");
  dialog.querySelector("[data-title]").textContent = `Why nobody has ${nameOf(row)}`;
  dialog.querySelector("[data-reason]").textContent = words(row.reason ?? "");
  const list = dialog.querySelector("[data-explanation]");
  list.replaceChildren();
  dialog.querySelector("[data-close]").onclick = () => dialog.close();
  dialog.showModal();
  dialog.querySelector("[data-close]").focus();
  try {
    const { explanation } = await call("GET", `/api/v1/exceptions/${row.lead_id}`);
    list.replaceChildren(
      ...explanation.map((one) => {
        const item = document.createElement("li");
        const who = one.rep_name ?? one.rep_id ?? one.queue_name ?? one.queue_id;
        item.textContent = who ? `${who}: ${one.why}` : one.why;
        return item;
      }),
    );
    if (!explanation.length) list.textContent = "Nobody was considered.";
  } catch (error) {
    list.textContent = error.message;
  }
}

// -- several ----------------------------------------------------------------------------------------------------------

async function together(title, did, body) {
  const names = new Map([...table.selected].map(([lead, row]) => [lead, nameOf(row)]));
  const last = await run(title, did, { which: table.which("exceptions"), ...body }, names);
  if (last) table.selectNone();
  table.load();
}

root.querySelector("[data-assign-chosen]")?.addEventListener("click", async () => {
  const count = table.chosen.toLocaleString();
  const to = await pick(`Assign ${count} leads`, { several: true, note: "Several reps share them evenly." });
  if (to) await together(`Assigning ${count} leads`, "assigned", { do: { type: "assign" }, to });
});

root.querySelector("[data-ignore-chosen]")?.addEventListener("click", async () => {
  const count = table.chosen;
  const question = count === 1 ? "Do you really want to ignore this lead?" : `Do you really want to ignore these ${count.toLocaleString()} leads?`;
  if (await confirmed(question)) await together(`Ignoring ${count.toLocaleString()} leads`, "ignored", { do: { type: "ignore" } });
});

root.querySelector("[data-show-ignored]")?.addEventListener("change", (event) => {
  table.ask({ ignored: event.target.checked ? "true" : null });
});

// -- live -------------------------------------------------------------------------------------------------------------

// An action whose answer was not seen (the page was left, the console was away) is asked again, the same one.
for (const [key, { path, body, note }] of Object.entries(pending())) {
  if (data.desk && path.endsWith("/actions") && note.did) {
    act(path, body, note, key).then((answer) => said(answer, note.name, note.did), (error) => say(error.message));
  }
}

await table.load();
const live = new Live({ queue: "mine" });
live.on("exceptions", () => table.soon());
live.on("list", (change) => change.change === "rebuilt" && table.soon());
live.start();
document.documentElement.dataset.ready = "yes";
