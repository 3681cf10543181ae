// One's own account: the password, the second factor, and where one is signed in.

import { call } from "./api.js";
import { say } from "./say.js";

function told(problem, error) {
  problem.textContent = error.message;
  problem.hidden = false;
}

const password = document.querySelector("[data-password]");
password?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = password.querySelector("[data-problem]");
  problem.hidden = true;
  const { current, new: fresh } = Object.fromEntries(new FormData(password));
  try {
    await call("PUT", "/api/v1/me/password", { current, new: fresh });
    password.reset();
    say("Your password is changed.");
  } catch (error) {
    told(problem, error);
    password.querySelector(error.message.startsWith("new") ? "#new" : "#current").focus();
  }
});

const factor = document.querySelector("[data-second-factor]");
const confirm = factor?.querySelector("[data-confirm]");
const failed = factor?.querySelector("[data-said]");

factor?.querySelector("[data-set-up]")?.addEventListener("click", async (event) => {
  const button = event.currentTarget;
  failed.hidden = true;
  try {
    const made = await call("POST", "/api/v1/me/second-factor");
    const image = document.importNode(new DOMParser().parseFromString(made.qr, "text/html").querySelector("svg"), true);
    image.setAttribute("role", "img");
    image.setAttribute("aria-label", "QR code for an authenticator app");
    if (!image.hasAttribute("viewBox")) image.setAttribute("viewBox", `0 0 ${image.getAttribute("width")} ${image.getAttribute("height")}`);
    confirm.querySelector("[data-qr]").replaceChildren(image);
    confirm.querySelector("[data-secret]").textContent = made.secret.match(/.{1,4}/g).join(" ");
    button.hidden = true;
    confirm.hidden = false;
    confirm.elements.code.focus();
  } catch (error) {
    told(failed, error);
  }
});

confirm?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = confirm.querySelector("[data-problem]");
  problem.hidden = true;
  try {
    const made = await call("PUT", "/api/v1/me/second-factor", { code: confirm.elements.code.value });
    const codes = factor.querySelector("[data-codes]");
    const items = made.recovery_codes.map((code) => Object.assign(document.createElement("li"), { textContent: code }));
    codes.querySelector("ul").replaceChildren(...items);
    confirm.hidden = true;
    codes.hidden = false;
    codes.querySelector("h3").focus();
  } catch (error) {
    told(problem, error);
    confirm.elements.code.focus();
  }
});

factor?.querySelector("[data-remove]")?.addEventListener("click", async () => {
  failed.hidden = true;
  try {
    await call("DELETE", "/api/v1/me/second-factor");
    location.reload();
  } catch (error) {
    told(failed, error);
  }
});

const sessions = document.querySelector("[data-sessions]");
sessions?.addEventListener("click", async (event) => {
  const one = event.target.closest("[data-end]");
  if (!one && !event.target.closest("[data-end-others]")) return;
  const problem = sessions.querySelector("[data-problem]");
  problem.hidden = true;
  try {
    await call("DELETE", one ? `/api/v1/me/sessions/${encodeURIComponent(one.dataset.end)}` : "/api/v1/me/sessions");
    location.reload();
  } catch (error) {
    told(problem, error);
  }
});

document.documentElement.dataset.ready = "yes";
