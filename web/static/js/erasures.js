// The page that erases a person: shows which leads would be erased, asks for a typed confirmation, and erases.

import { call, messageOf } from "./api.js";
import { control, element } from "./dom.js";

const WORD = "erase";

/** @import { ErasableLead } from "./types.d.ts" */

const preview = element("[data-preview]", document, "form");
const erasing = element("[data-erase]", document, "form");
const go = element("[data-go]", erasing, "button");
const confirming = control(erasing, "confirm");
/** @type {{ person: string, leads: number } | null} */
let shown = null;

/**
 * @param {string} selector
 * @param {unknown} [error] none hides the message
 */
function report(selector, error) {
  const problem = element(selector);
  problem.hidden = error === undefined;
  problem.textContent = error === undefined ? "" : messageOf(error);
}

function cancel() {
  shown = null;
  erasing.hidden = true;
  erasing.reset();
  go.disabled = true;
}

/** @param {ErasableLead} lead */
function line(lead) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `/leads/${encodeURIComponent(lead.lead_id)}`;
  link.textContent = lead.name || lead.lead_id;
  const owner = lead.owner ? `, owned by ${lead.owner}` : "";
  item.append(link, lead.phase ? ` (${lead.phase}${owner})` : "");
  return item;
}

preview.addEventListener("submit", async (event) => {
  event.preventDefault();
  cancel();
  report("[data-preview-problem]");
  report("[data-erase-problem]");
  element("[data-done]").textContent = "";
  const person = control(preview, "person").value;
  try {
    const found = await call("POST", "/api/v1/erasures/preview", { person });
    shown = { person, leads: found.leads.length };
    element("[data-says]").textContent = `This erases: ${found.says}.`;
    element("[data-leads]").replaceChildren(...found.leads.map(line));
    go.textContent = found.leads.length === 1 ? "Erase 1 lead" : `Erase ${found.leads.length} leads`;
    erasing.hidden = false;
    element("[data-says]").focus();
  } catch (error) {
    report("[data-preview-problem]", error);
  }
});

confirming.addEventListener("input", () => {
  go.disabled = confirming.value.trim().toLowerCase() !== WORD;
});
element("[data-cancel]", erasing, "button").addEventListener("click", cancel);
control(preview, "person").addEventListener("input", cancel);

erasing.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (shown === null || go.disabled) return;
  report("[data-erase-problem]");
  go.disabled = true;
  element("[data-done]").textContent = "The person is being erased.";
  try {
    const receipt = await call("POST", "/api/v1/erasures", { ...shown, confirm: WORD });
    cancel();
    preview.reset();
    addReceipt(receipt.receipt_id, receipt.leads.length);
  } catch (error) {
    element("[data-done]").textContent = "";
    report("[data-erase-problem]", error);
    go.disabled = false;
  }
});

/**
 * Says that it is done. The list is the server's, so the page is loaded anew when the admin has read it.
 * @param {string} receipt
 * @param {number} leads
 */
function addReceipt(receipt, leads) {
  const done = element("[data-done]");
  const link = document.createElement("a");
  link.href = "/erasures";
  link.textContent = "Show it in the list";
  done.replaceChildren(`Erased: ${leads === 1 ? "1 lead" : `${leads} leads`}. The receipt is ${receipt}. `, link);
}
document.documentElement.dataset.ready = "yes";
