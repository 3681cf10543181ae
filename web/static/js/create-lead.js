// The form of a new lead: what intake would not read is said beside its field before anything is sent (S6).

import { call } from "./api.js";

const FIELDS = [
  ["first_name", "First name", {}],
  ["last_name", "Last name", {}],
  ["phone", "Phone", { type: "tel" }],
  ["email", "Email", { type: "email" }],
  ["state", "State", {}],
  ["zip", "Zip", { inputMode: "numeric" }],
  ["loan_purpose", "Loan purpose", {}],
  ["loan_amount", "Loan amount", { inputMode: "decimal" }],
  ["credit_score", "Credit score", { inputMode: "numeric" }],
  ["property_type", "Property type", {}],
];
const dialog = document.getElementById("create");
const form = dialog.querySelector("form");
let key = null;
let resolve = () => {};

export function fill(campaigns) {
  form.querySelector("[data-fields]").append(
    ...FIELDS.map(([name, label, more]) => field(name, label, Object.assign(document.createElement("input"), { autocomplete: "off", maxLength: 200, ...more }))),
    field("campaign", "Campaign", options(campaigns)),
  );
}

function options(campaigns) {
  const made = document.createElement("select");
  made.append(new Option("", ""), ...campaigns.map(([id, name]) => new Option(name, id)));
  return made;
}

function field(name, label, input) {
  const node = document.createElement("div");
  input.id = `create-${name}`;
  input.name = name;
  const title = Object.assign(document.createElement("label"), { htmlFor: input.id, textContent: label });
  const problem = Object.assign(document.createElement("p"), { className: "problem", id: `create-${name}-problem`, hidden: true });
  node.append(title, input, problem);
  return node;
}

function tell(errors, detail) {
  let first = null;
  for (const input of form.querySelectorAll("[name]")) {
    const found = errors.find((error) => error.path.split(".").pop() === input.name);
    const place = document.getElementById(`${input.id}-problem`);
    place.hidden = !found;
    place.textContent = found?.reason ?? "";
    input.toggleAttribute("aria-invalid", Boolean(found));
    if (found) input.setAttribute("aria-describedby", place.id);
    else input.removeAttribute("aria-describedby");
    first ??= found ? input : null;
  }
  const general = form.querySelector("[data-problem]");
  general.hidden = !detail || Boolean(first);
  general.textContent = detail ?? "";
  first?.focus();
}

// Resolve with {lead_id, there, name}, or null where it was cancelled.
export function create() {
  form.reset();
  tell([], null);
  key = crypto.randomUUID(); // the same lead, however often it is sent
  dialog.showModal();
  form.querySelector("input").focus();
  return new Promise((done) => (resolve = done));
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const ok = form.querySelector("[data-ok]");
  const body = Object.fromEntries([...new FormData(form)].filter(([, value]) => value.trim()));
  ok.disabled = true;
  try {
    const made = await call("POST", "/api/v1/leads", body, { "idempotency-key": key });
    resolve({ ...made, name: [body.first_name, body.last_name].filter(Boolean).join(" ") || body.email || body.phone });
    resolve = () => {};
    dialog.close();
  } catch (error) {
    tell(error.body?.errors ?? [], error.message);
  } finally {
    ok.disabled = false;
  }
});
form.querySelector("[data-cancel]").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => resolve(null));
