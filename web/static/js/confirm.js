// Asks a question before something happens.

import { element } from "./dom.js";

/**
 * Asks a question with the answers Cancel and OK.
 * @param {string} question
 * @param {string} [note]
 * @param {string} [ok] what the button says instead of OK
 * @returns {Promise<boolean>}
 */
export function isConfirmed(question, note = "", ok = "OK") {
  const dialog = element("#confirm", document, "dialog");
  element("[data-question]", dialog).textContent = question;
  element("[data-note]", dialog).textContent = note;
  element("[data-ok]", dialog).textContent = ok;
  return new Promise((resolve) => {
    dialog.returnValue = "";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok"), { once: true });
    dialog.showModal();
    element("[data-ok]", dialog).focus();
  });
}
