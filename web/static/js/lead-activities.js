// Activities on the lead page (M3): a button for each kind, and a key of its own after `a`.

import { elements, isTyped } from "./dom.js";
import { say } from "./say.js";

const WAIT_MS = 4000; // how long `a` waits for the letter

/** @type {Record<string, string>} what the page says after each kind */
export const LOGGED = {
  call: "The call is logged.",
  email: "The email is logged.",
  sms: "The text message is logged.",
  call_log: "The call log is added.",
  todo: "The to-do is logged.",
  drip_plan: "The drip plan is logged.",
  bulk_email: "The bulk email is logged.",
};

/**
 * Makes `a` and then a letter press the button that shows the letter. Other keys end the wait.
 * @param {HTMLElement} container with the buttons
 */
export function activityKeys(container) {
  let isWaiting = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {HTMLElement | undefined} */
  let question;
  const stop = () => {
    isWaiting = false;
    question?.remove();
    clearTimeout(timer);
    container.removeAttribute("data-choosing");
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (isTyped(event)) return stop();
    const buttons = elements("[data-key]", container, "button");
    if (!isWaiting) {
      if (event.key !== "a" || !buttons.length) return;
      isWaiting = true;
      container.setAttribute("data-choosing", "");
      question = say(
        `Log what? ${buttons.map(({ dataset }) => `${dataset.key} ${dataset.label}`).join(", ")}.`,
        WAIT_MS,
      );
      timer = setTimeout(stop, WAIT_MS);
      event.preventDefault();
      return;
    }
    stop();
    const pressed = buttons.find((button) => button.dataset.key === event.key.toLowerCase());
    if (!pressed) return;
    event.preventDefault();
    pressed.click();
  });
}
