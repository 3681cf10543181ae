// Giving leads out by hand (D6): a selection, all that a filter or a segment finds, or a list from a file; to one rep, or
// split evenly. First it is said who would get how many, then it is done.

import { Problem } from "./api.js";
import { ask, run } from "./many.js";
import { confirmed, pick } from "./picker.js";
import { say } from "./say.js";

const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

export async function giveOut(table, which, count) {
  const to = await pick(`Assign ${count.toLocaleString()} leads`, { several: true, note: "Several reps share them evenly." });
  if (!to) return;
  const body = { which, do: { type: "assign" }, to };
  try {
    const dry = await ask({ ...body, dry_run: true }, crypto.randomUUID());
    if (!(await confirmed(`Assign ${dry.of.toLocaleString()} leads?`, told(dry)))) return;
  } catch (error) {
    return say(error.message);
  }
  const last = await run("Assigning", "assigned", body, new Map([...table.selected].map(([lead, row]) => [lead, row.first_name ?? lead])));
  if (last) table.selectNone();
  table.load();
}

function told({ by_rep, stand, of }) {
  const parts = Object.entries(by_rep).map(([rep, number]) => `${rep} would get ${number.toLocaleString()}`);
  if (!of) parts.push("None of them is without an owner");
  if (stand.owned) parts.push(`${stand.owned.toLocaleString()} have an owner and stay`);
  if (stand.closed) parts.push(`${stand.closed.toLocaleString()} are closed and stay`);
  if (stand.unknown) parts.push(`${stand.unknown.toLocaleString()} are unknown here`);
  return `${parts.join("; ")}.`;
}

// -- a segment: a rule over every field -------------------------------------------------------------------------------

export function segments(table) {
  const dialog = document.getElementById("segment");
  const room = dialog.querySelector("[data-builder]");
  const problem = dialog.querySelector("[data-problem]");
  table.find("[data-segment]").addEventListener("click", () => {
    const builder = document.createElement("rule-builder");
    Object.assign(builder.dataset, { name: "segment", label: "Segment", fieldsFrom: "#segment-fields" });
    const now = table.address.get("segment");
    if (now) builder.dataset.value = now;
    room.replaceChildren(builder);
    problem.hidden = true;
    dialog.showModal();
  });
  const on = (selector, does) => dialog.querySelector(selector).addEventListener("click", does);
  on("[data-cancel]", () => dialog.close());
  on("[data-clear]", () => {
    dialog.close();
    table.ask({ segment: null });
  });
  on("[data-ok]", async () => {
    const builder = room.firstElementChild;
    const tree = builder.value;
    const segment = tree.rules?.length ? JSON.stringify(tree) : null;
    const query = new URLSearchParams({ limit: 1, ...(segment ? { segment } : {}) });
    const answer = await fetch(`${table.api}?${query}`, { headers: { accept: "application/json" } });
    if (answer.ok) {
      dialog.close();
      return table.ask({ segment });
    }
    const found = await answer.json();
    problem.hidden = false;
    problem.textContent = found.detail;
    builder.dispatchEvent(new CustomEvent("rule-problems", { detail: found.errors ?? [] }));
  });
}

// -- a list from a file -----------------------------------------------------------------------------------------------

export function uploads(table) {
  const dialog = document.getElementById("upload");
  const [file, told, others, ok] = ["#upload-file", "[data-told]", "[data-others]", "[data-ok]"].map((one) => dialog.querySelector(one));
  let leads = [];
  table.root.querySelector("[data-upload]").addEventListener("click", () => {
    dialog.querySelector("form").reset();
    told.textContent = "";
    others.replaceChildren();
    ok.disabled = true;
    dialog.showModal();
    file.focus();
  });
  file.addEventListener("change", async () => {
    const body = new FormData();
    body.append("file", file.files[0]);
    ok.disabled = true;
    others.replaceChildren();
    try {
      const answer = await fetch("/api/v1/leads/lists", { method: "POST", headers: { "x-csrf-token": csrf }, body });
      const found = await answer.json();
      if (!answer.ok) throw new Problem(answer.status, found);
      leads = found.leads;
      const again = found.repeated ? `, ${found.repeated} named again` : "";
      const unusable = found.unusable_total ? `, ${found.unusable_total} lines name none` : "";
      told.textContent = `${leads.length.toLocaleString()} leads${again}${unusable}.`;
      others.append(...found.unusable.map((one) => Object.assign(document.createElement("li"), { textContent: `${one.place}: ${one.reason}` })));
      ok.disabled = leads.length === 0;
    } catch (error) {
      told.textContent = error.message;
    }
  });
  dialog.querySelector("[data-cancel]").addEventListener("click", () => dialog.close());
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    dialog.close();
    await giveOut(table, { leads }, leads.length);
  });
}
