// The tokens page: revokes tokens, and makes one for admins. The secret of a new token is shown once.

import { call, messageOf } from "./api.js";
import { control, element, elements } from "./dom.js";

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * @param {HTMLElement} problem
 * @param {unknown} error
 */
function show(problem, error) {
  problem.textContent = messageOf(error);
  problem.hidden = false;
}

for (const button of elements("[data-revoke]", document, "button")) {
  button.addEventListener("click", async () => {
    const problem = element("[data-problem]");
    problem.hidden = true;
    try {
      await call("DELETE", `/api/v1/tokens/${encodeURIComponent(button.dataset.revoke ?? "")}`);
      location.reload();
    } catch (error) {
      show(problem, error);
    }
  });
}

const form = document.querySelector("[data-make]");
if (form instanceof HTMLFormElement) {
  const dialog = element("#made", document, "dialog");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = element("[data-make-problem]");
    problem.hidden = true;
    const ends = new Date(Date.now() + Number(control(form, "days").value) * DAY_MS - 60_000);
    const given = {
      name: control(form, "name").value,
      rep_id: control(form, "rep_id").value,
      scopes: new FormData(form).getAll("scope"),
      expires_at: ends.toISOString(),
    };
    try {
      const made = await call("POST", "/api/v1/tokens", given);
      element("[data-secret]").textContent = made.secret;
      dialog.showModal();
    } catch (error) {
      show(problem, error);
    }
  });
  element("[data-close]", dialog, "button").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => location.reload());
}
document.documentElement.dataset.ready = "yes";
