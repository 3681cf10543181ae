// Asks at a person's first offer whether this browser should show offers while no page is open. It asks once.

import { messageOf } from "./api.js";
import { element } from "./dom.js";
import { closeNotifications, declinePush, pushState, turnPushOn, wasAsked } from "./push.js";
import { say } from "./say.js";
import { whenFree } from "./when-free.js";

/** Asks when an offer comes, and closes the notification of an offer that is over. */
export function watchOffers() {
  document.addEventListener("offer:new", () => ask().catch(() => {}), { once: true });
  document.addEventListener("offer:over", (event) => {
    if (event instanceof CustomEvent) closeNotifications(event.detail).catch(() => {});
  });
}

async function ask() {
  if (wasAsked() || (await pushState()) !== "off") return;
  const container = element("#push-question");
  const text = document.createElement("p");
  text.textContent = "Should this browser show offers to you while no page of the console is open?";
  const tools = Object.assign(document.createElement("p"), { className: "tools" });
  tools.append(
    answer("Yes, show them", async () => {
      say((await turnPushOn()) === "on" ? "This browser shows your offers now." : "Your browser does not allow it.");
    }),
    answer("No", async () => declinePush()),
  );
  container.replaceChildren(text, tools);
  whenFree("push-question", () => {
    container.hidden = false;
  });

  /**
   * @param {string} textContent
   * @param {() => Promise<void>} run
   */
  function answer(textContent, run) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent });
    button.addEventListener("click", async () => {
      container.hidden = true;
      await run().catch((error) => say(messageOf(error)));
    });
    return button;
  }
}
