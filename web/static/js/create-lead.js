// The form of a new lead. A field's problem is shown beside it before the lead is sent (S6).

import { call, messageOf, Problem } from "./api.js";
import { element, elements, finder } from "./dom.js";
import { problemText } from "./format.js";

/** @import { FieldError } from "./types.d.ts" */

/** @typedef {{lead_id: string, there: boolean, name: string}} Created `there`: the lists already show it */

/** @type {[string, string, Partial<HTMLInputElement>][]} */
const FIELDS = [
  ["first_name", "First name", {}],
  ["last_name", "Last name", {}],
  ["phone", "Phone", { type: "tel" }],
  ["phone_extension", "Phone extension", { inputMode: "numeric" }],
  ["email", "Email", { type: "email" }],
  ["state", "State", {}],
  ["zip", "Zip", { inputMode: "numeric" }],
  ["loan_purpose", "Loan purpose", {}],
  ["loan_amount", "Loan amount", { inputMode: "decimal" }],
  ["credit_score", "Credit score", { inputMode: "numeric" }],
  ["property_type", "Property type", {}],
];
const dialog = element("#create", document, "dialog");
const form = element("form", dialog, "form");
const find = finder(form);
let key = "";
/** @type {(created: Created | null) => void} */
let resolve = () => {};

/**
 * Makes the fields of the form.
 * @param {[string, string][]} campaigns ids and names
 */
export function fillForm(campaigns) {
  const inputs = FIELDS.map(([name, label, properties]) => {
    const input = document.createElement("input");
    return field(name, label, Object.assign(input, { autocomplete: "off", maxLength: 200, ...properties }));
  });
  const select = document.createElement("select");
  select.append(new Option("", ""), ...campaigns.map(([id, name]) => new Option(name, id)));
  find("[data-fields]").append(...inputs, field("campaign", "Campaign", select));
}

/**
 * @param {string} name
 * @param {string} label
 * @param {HTMLInputElement | HTMLSelectElement} input
 */
function field(name, label, input) {
  const node = document.createElement("div");
  input.id = `create-${name}`;
  input.name = name;
  const title = Object.assign(document.createElement("label"), { htmlFor: input.id, textContent: label });
  const problem = document.createElement("p");
  Object.assign(problem, { className: "problem", id: `create-${name}-problem`, hidden: true });
  node.append(title, input, problem);
  return node;
}

/**
 * Shows each error beside its field, or below the form if the form does not have the field.
 * @param {FieldError[]} errors
 * @param {string | null} detail
 */
function showErrors(errors, detail) {
  /** @type {HTMLElement | null} */
  let first = null;
  for (const input of [...elements("[name]", form, "input"), ...elements("[name]", form, "select")]) {
    const found = errors.find((error) => error.path.split(".").pop() === input.name);
    const message = find(`#${input.id}-problem`);
    message.hidden = !found;
    message.textContent = problemText(found);
    if (found) {
      input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", message.id);
      first ??= input;
    } else {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    }
  }
  const general = find("[data-problem]");
  general.hidden = !detail || first !== null;
  general.textContent = detail ?? "";
  first?.focus();
}

/**
 * Opens the form and creates the lead.
 * @returns {Promise<Created | null>} null if the dialog was cancelled
 */
export function createLead() {
  form.reset();
  showErrors([], null);
  key = crypto.randomUUID(); // A retry creates no second lead.
  dialog.showModal();
  find("input").focus();
  return new Promise((done) => {
    resolve = done;
  });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const ok = find("[data-ok]", "button");
  /** @type {Record<string, string>} */
  const body = {};
  for (const [name, value] of new FormData(form)) if (typeof value === "string" && value.trim()) body[name] = value;
  ok.disabled = true;
  try {
    const made = await call("POST", "/api/v1/leads", body, { "idempotency-key": key });
    const name = [body.first_name, body.last_name].filter(Boolean).join(" ");
    resolve({ ...made, name: name || body.email || body.phone });
    resolve = () => {};
    dialog.close();
  } catch (error) {
    showErrors(error instanceof Problem ? (error.body.errors ?? []) : [], messageOf(error));
  } finally {
    ok.disabled = false;
  }
});
find("[data-cancel]").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => resolve(null));
