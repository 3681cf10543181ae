// A manager's choice on the lead page to view leads without a lock (D5).

import { call, messageOf } from "./api.js";
import { say } from "./say.js";

/**
 * Sets up the box, if the page has it.
 * @param {(isOn: boolean) => Promise<void>} onChange
 */
export function setUpViewOnly(onChange) {
  const box = document.querySelector("[data-view-only]");
  if (!(box instanceof HTMLInputElement)) return;
  box.addEventListener("change", async () => {
    try {
      await call("PUT", "/api/v1/preferences/view_only", { on: box.checked });
      say(box.checked ? "Leads open without a lock from now on." : "Opening a lead locks it from now on.");
      await onChange(box.checked);
    } catch (error) {
      box.checked = !box.checked;
      say(messageOf(error));
    }
  });
}
