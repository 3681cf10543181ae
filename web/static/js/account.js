// Changing one's own password.

import { call, messageOf } from "./api.js";
import { element, finder } from "./dom.js";
import { say } from "./say.js";

const form = element("[data-password]", document, "form");
const find = finder(form);
const problem = find("[data-problem]");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  const { current, new: fresh } = Object.fromEntries(new FormData(form));
  try {
    await call("PUT", "/api/v1/me/password", { current, new: fresh });
    form.reset();
    say("Your password is changed.");
  } catch (error) {
    problem.textContent = messageOf(error);
    problem.hidden = false;
    find("#current").focus();
  }
});
document.documentElement.dataset.ready = "yes";
