// Asks a question before something happens.

import { element } from "./dom.js";

/**
 * Asks a question with the answers OK and Cancel.
 * @param {string} question
 * @param {string} [note]
 * @returns {Promise<boolean>}
 */
export function isConfirmed(question, note = "") {
  const dialog = element("#confirm", document, "dialog");
  element("[data-question]", dialog).textContent = question;
  element("[data-note]", dialog).textContent = note;
  return new Promise((resolve) => {
    dialog.returnValue = "";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok"), { once: true });
    dialog.showModal();
    element("[data-ok]", dialog).focus();
  });
}
