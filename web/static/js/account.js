// Changing one's own password.

import { call } from "./api.js";
import { say } from "./say.js";

const form = document.querySelector("[data-password]");
const problem = form.querySelector("[data-problem]");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  const { current, new: fresh } = Object.fromEntries(new FormData(form));
  try {
    await call("PUT", "/api/v1/me/password", { current, new: fresh });
    form.reset();
    say("Your password is changed.");
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
    form.querySelector("#current").focus();
  }
});
document.documentElement.dataset.ready = "yes";
