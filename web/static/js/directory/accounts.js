// The account of a rep: an address and a password that the admin hands over.

import { call, messageOf } from "../api.js";
import { finder } from "../dom.js";
import { say } from "../say.js";
import { data } from "./data.js";
import { button, make } from "./fields.js";

const find = finder(document);
const dialog = find("#invited", "dialog");

/**
 * Makes the sign-in part of a rep's form.
 * @param {boolean} isPublished
 * @param {string | undefined} published address of the rep
 */
export function signInFieldset(isPublished, published) {
  const email = data.emails[data.id];
  const fieldset = make("fieldset", { className: "account" }, make("legend", { textContent: "Signing in" }));
  if (!data.may_write) {
    fieldset.append(make("p", { textContent: email ? `Signs in as ${email}.` : "Has no account." }));
  } else if (!isPublished) {
    const box = make("input", { type: "checkbox", data: { account: "" } });
    const text = "Also make an account with a password to hand over, under the email above";
    fieldset.append(make("label", { className: "inline" }, box, text));
  } else {
    const value = email ?? published ?? "";
    const input = make("input", { type: "email", value, "aria-label": "Address to sign in with" });
    const create = button(email ? "Make a new password" : "Let them sign in", () => createAccount(input.value));
    const hint = email ? `Signs in as ${email}. A new password ends their sessions.` : "Has no account yet.";
    fieldset.append(
      make("p", { className: "hint", textContent: hint }),
      make("p", { className: "tools" }, input, create),
    );
    if (data.second_factors.includes(data.id)) {
      const reset = button("Reset the second factor", () => resetSecondFactor(reset));
      fieldset.append(make("p", { className: "tools" }, reset));
    }
  }
  return fieldset;
}

/** @param {HTMLElement} button that was pressed; it is removed after the reset */
async function resetSecondFactor(button) {
  try {
    await call("DELETE", `/api/v1/directory/rep/${encodeURIComponent(data.id)}/second-factor`);
    data.second_factors = data.second_factors.filter((id) => id !== data.id);
    button.remove();
    say("Signing in asks for the password alone now.");
  } catch (error) {
    say(`The second factor was not reset: ${messageOf(error)}`);
  }
}

/**
 * Creates an account, or a new password, and shows the password once.
 * @param {string | undefined} email
 */
export async function createAccount(email) {
  const path = `/api/v1/directory/rep/${encodeURIComponent(data.id)}/account`;
  try {
    const made = await call("POST", path, { email: email ?? "" });
    data.emails[data.id] = made.email;
    find("[data-invited-email]").textContent = made.email;
    find("[data-invited-password]").textContent = made.password ?? "none: sign in with the company's account";
    const until = made.until ? `, until ${new Date(made.until).toLocaleString()}` : "";
    find("[data-invited-until]").textContent = until;
    find("[data-invited-mailed]").hidden = !made.mailed;
    dialog.showModal();
  } catch (error) {
    say(`No account was made: ${messageOf(error)}`);
  }
}

/** @param {() => void} onClose */
export function setUpAccountDialog(onClose) {
  const forgetPassword = () => {
    find("[data-invited-password]").textContent = "";
  };
  find("[data-invited-close]").addEventListener("click", () => {
    forgetPassword(); // at once: the event "close" comes in a later task
    dialog.close();
    onClose();
  });
  dialog.addEventListener("close", forgetPassword); // by the Escape key
}
