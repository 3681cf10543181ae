// Assigns leads by hand (D6): a selection, all leads of a filter or a segment, or a list from a file; to one rep, or
// split evenly between several. Before that, the page shows how many leads each rep would get.

import { CSRF_TOKEN, messageOf, Problem } from "./api.js";
import { runBulkAction, sendBulkAction } from "./bulk-actions.js";
import { element, finder } from "./dom.js";
import { isConfirmed, pickReps } from "./rep-picker.js";
import { say } from "./say.js";

/** @import { Progress } from "./bulk-actions.js" */
/** @import { Table } from "./table.js" */
/** @import { RuleBuilderElement } from "./types.d.ts" */

/**
 * Asks for reps, shows the plan, and assigns.
 * @param {Table} table
 * @param {object} leads in the API's form
 * @param {number} count of the leads
 */
export async function assignByHand(table, leads, count) {
  const reps = await pickReps(`Assign ${count.toLocaleString()} leads`, {
    several: true,
    note: "Several reps share them evenly.",
  });
  if (!reps) return;
  const body = { which: leads, do: { type: "assign" }, to: reps };
  try {
    const plan = await sendBulkAction({ ...body, dry_run: true }, crypto.randomUUID());
    if (!(await isConfirmed(`Assign ${plan.of.toLocaleString()} leads?`, planText(plan)))) return;
  } catch (error) {
    return say(messageOf(error));
  }
  const result = await runBulkAction("Assigning", "assigned", body, table.selection?.names);
  if (result) table.selection?.clear();
  table.load();
}

/** @param {Progress} plan */
function planText({ by_rep, stand, of }) {
  const parts = Object.entries(by_rep).map(([rep, number]) => `${rep} would get ${number.toLocaleString()}`);
  if (!of) parts.push("All of them have an owner already");
  if (stand.owned) parts.push(`${stand.owned.toLocaleString()} have an owner and do not change`);
  if (stand.closed) parts.push(`${stand.closed.toLocaleString()} are closed and do not change`);
  if (stand.unknown) parts.push(`${stand.unknown.toLocaleString()} are unknown`);
  return `${parts.join("; ")}.`;
}

/**
 * Sets up the dialog of a segment: a rule over every field.
 * @param {Table} table
 */
export function setUpSegments(table) {
  const dialog = element("#segment", document, "dialog");
  const find = finder(dialog);
  const place = find("[data-builder]");
  const problem = find("[data-problem]");
  /** @type {RuleBuilderElement | null} */
  let builder = null;
  table.find("[data-segment]").addEventListener("click", () => {
    builder = /** @type {RuleBuilderElement} */ (document.createElement("rule-builder"));
    Object.assign(builder.dataset, { name: "segment", label: "Segment", fieldsFrom: "#segment-fields" });
    const current = table.address.get("segment");
    if (current) builder.dataset.value = current;
    place.replaceChildren(builder);
    problem.hidden = true;
    dialog.showModal();
  });
  find("[data-cancel]").addEventListener("click", () => dialog.close());
  find("[data-clear]").addEventListener("click", () => {
    dialog.close();
    table.change({ segment: null });
  });
  find("[data-ok]").addEventListener("click", async () => {
    if (!builder) return;
    const rule = builder.value;
    const segment = rule.rules?.length ? JSON.stringify(rule) : null;
    const query = new URLSearchParams({ limit: "1", ...(segment ? { segment } : {}) });
    const response = await fetch(`${table.api}?${query}`, { headers: { accept: "application/json" } });
    if (response.ok) {
      dialog.close();
      table.change({ segment });
      return;
    }
    const found = await response.json();
    problem.hidden = false;
    problem.textContent = found.detail;
    builder.dispatchEvent(new CustomEvent("rule-problems", { detail: found.errors ?? [] }));
  });
}

/**
 * Sets up the dialog of a list from a file.
 * @param {Table} table
 */
export function setUpUploads(table) {
  const dialog = element("#upload", document, "dialog");
  const find = finder(dialog);
  const form = find("form", "form");
  const file = find("#upload-file", "input");
  const status = find("[data-status]");
  const unusable = find("[data-failures]");
  const ok = find("[data-ok]", "button");
  /** @type {string[]} */
  let leads = [];
  table.find("[data-upload]").addEventListener("click", () => {
    form.reset();
    status.textContent = "";
    unusable.replaceChildren();
    ok.disabled = true;
    dialog.showModal();
    file.focus();
  });
  file.addEventListener("change", async () => {
    const chosen = file.files?.[0];
    ok.disabled = true;
    unusable.replaceChildren();
    status.textContent = "";
    if (!chosen) return;
    const body = new FormData();
    body.append("file", chosen);
    try {
      const headers = { "x-csrf-token": CSRF_TOKEN };
      const response = await fetch("/api/v1/leads/lists", { method: "POST", headers, body });
      const found = await response.json();
      if (!response.ok) throw new Problem(response.status, found);
      leads = found.leads;
      const repeated = found.repeated ? `, ${found.repeated} were listed twice` : "";
      const without = found.unusable_total ? `, ${found.unusable_total} lines name no lead` : "";
      status.textContent = `${leads.length.toLocaleString()} leads${repeated}${without}.`;
      /** @type {{place: string, reason: string}[]} */
      const lines = found.unusable;
      unusable.append(
        ...lines.map(({ place, reason }) =>
          Object.assign(document.createElement("li"), { textContent: `${place}: ${reason}` }),
        ),
      );
      ok.disabled = leads.length === 0;
    } catch (error) {
      status.textContent = messageOf(error);
    }
  });
  find("[data-cancel]").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    dialog.close();
    await assignByHand(table, { leads }, leads.length);
  });
}
