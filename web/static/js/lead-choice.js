// What managers choose leads by on My Leads (D6): a segment, which is a rule over every field, and a list from a file.

import { CSRF_TOKEN, messageOf, Problem } from "./api.js";
import { moveLeads } from "./bulk-moves.js";
import { element, finder } from "./dom.js";

/** @import { Move } from "./bulk-moves.js" */
/** @import { Table } from "./table.js" */
/** @import { RuleBuilderElement } from "./types.d.ts" */

/**
 * Sets up the dialog of a segment: a rule over every field.
 * @param {Table} table
 */
export function setUpSegments(table) {
  const dialog = element("#segment", document, "dialog");
  const find = finder(dialog);
  const container = find("[data-builder]");
  const problem = find("[data-problem]");
  /** @type {RuleBuilderElement | null} */
  let builder = null;
  table.find("[data-segment]").addEventListener("click", () => {
    builder = /** @type {RuleBuilderElement} */ (document.createElement("rule-builder"));
    Object.assign(builder.dataset, { name: "segment", label: "Segment", fieldsFrom: "#segment-fields" });
    const current = table.address.get("segment");
    if (current) builder.dataset.value = current;
    container.replaceChildren(builder);
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
    const move = /** @type {Move} */ (find("#upload-move", "select").value);
    if (await moveLeads(move, { which: { leads }, count: leads.length })) table.load();
  });
}
