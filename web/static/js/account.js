// The account page: the person's password, second factor and sessions.

import { call, messageOf } from "./api.js";
import { control, element, finder } from "./dom.js";
import { setUpViewOnly } from "./lead-view-only.js";
import { say } from "./say.js";

const FACTOR = "/api/v1/me/second-factor";

/**
 * Shows an error at its field or form.
 * @param {HTMLElement} problem
 * @param {unknown} error
 */
function show(problem, error) {
  problem.textContent = messageOf(error);
  problem.hidden = false;
}

/** @param {HTMLFormElement} form */
function setUpPassword(form) {
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
      form.closest(".card")?.querySelector("[data-invited]")?.remove();
    } catch (error) {
      show(problem, error);
      find(messageOf(error).startsWith("new") ? "#new" : "#current").focus();
    }
  });
}

/**
 * Makes an image of a QR code from the SVG that the API returns.
 * @param {string} svg
 */
function picture(svg) {
  const parsed = new DOMParser().parseFromString(svg, "text/html").querySelector("svg");
  if (!parsed) throw new Error("The console answered no picture.");
  const image = document.importNode(parsed, true);
  image.setAttribute("role", "img");
  image.setAttribute("aria-label", "QR code for an authenticator app");
  image.setAttribute("viewBox", `0 0 ${image.getAttribute("width")} ${image.getAttribute("height")}`);
  return image;
}

/** @param {HTMLElement} section of an account without a second factor */
function setUpEnrolment(section) {
  const find = finder(section);
  const form = find("[data-confirm]", "form");
  const start = find("[data-set-up]", "button");
  start.addEventListener("click", async () => {
    const problem = find("[data-said]");
    problem.hidden = true;
    try {
      const made = await call("POST", FACTOR);
      find("[data-qr]").replaceChildren(picture(made.qr));
      find("[data-secret]").textContent = made.secret.match(/.{1,4}/g).join(" ");
      start.hidden = true;
      form.hidden = false;
      control(form, "code").focus();
    } catch (error) {
      show(problem, error);
    }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = element("[data-problem]", form);
    problem.hidden = true;
    try {
      const made = await call("PUT", FACTOR, { code: control(form, "code").value });
      const items = made.recovery_codes.map((/** @type {string} */ code) =>
        Object.assign(document.createElement("li"), { textContent: code }),
      );
      find("[data-codes] ul").replaceChildren(...items);
      form.hidden = true;
      find("[data-codes]").hidden = false;
      find("[data-codes] h3").focus();
    } catch (error) {
      show(problem, error);
      control(form, "code").focus();
    }
  });
}

/** @param {HTMLElement} section of an account with a second factor */
function setUpRemoval(section) {
  section.querySelector("[data-remove]")?.addEventListener("click", async () => {
    const problem = element("[data-said]", section);
    problem.hidden = true;
    try {
      await call("DELETE", FACTOR);
      location.reload();
    } catch (error) {
      show(problem, error);
    }
  });
}

/** @param {HTMLElement} section */
function setUpSessions(section) {
  const problem = element("[data-problem]", section);
  /** @param {string} path */
  const end = async (path) => {
    problem.hidden = true;
    try {
      await call("DELETE", path);
      location.reload();
    } catch (error) {
      show(problem, error);
    }
  };
  for (const button of section.querySelectorAll("[data-end]")) {
    const id = encodeURIComponent(button.getAttribute("data-end") ?? "");
    button.addEventListener("click", () => end(`/api/v1/me/sessions/${id}`));
  }
  section.querySelector("[data-end-others]")?.addEventListener("click", () => end("/api/v1/me/sessions"));
}

const password = document.querySelector("[data-password]");
if (password instanceof HTMLFormElement) setUpPassword(password);
const factor = document.querySelector("[data-second-factor]");
if (factor instanceof HTMLElement) {
  if (factor.querySelector("[data-set-up]")) setUpEnrolment(factor);
  else setUpRemoval(factor);
}
const sessions = document.querySelector("[data-sessions]");
if (sessions instanceof HTMLElement) setUpSessions(sessions);
setUpViewOnly(async () => {});
document.documentElement.dataset.ready = "yes";
