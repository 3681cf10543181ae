// The switch in a rep's head line: available, one last lead, or paused (R9).

import { call, messageOf } from "./api.js";
import { say } from "./say.js";

/** @typedef {{availability: "available" | "last_lead" | "paused", had_last: boolean}} Availability */

const EVERY_MS = 30_000;

/** @type {Record<Availability["availability"], string>} what is said after a choice */
const SAID = {
  available: "You are offered leads again.",
  last_lead: "You are offered one more lead, and then none until you are available again.",
  paused: "You are offered no more leads. Offers that you have stay.",
};

/** Binds the switch. While a last lead is awaited, it looks whether it was had. */
export function watchAvailability() {
  const select = document.querySelector("[data-availability]");
  if (!(select instanceof HTMLSelectElement)) return;
  const last = select.querySelector('[value="last_lead"]');
  const words = last?.textContent ?? "";
  let shown = select.value;

  /** @param {Availability} found */
  const show = ({ availability, had_last }) => {
    shown = availability;
    select.value = availability;
    select.classList.toggle("paused", availability === "paused" || had_last);
    if (last) last.textContent = had_last ? "Paused after the last lead" : words;
  };

  const read = () => {
    if (shown !== "last_lead" || document.visibilityState === "hidden") return;
    call("GET", "/api/v1/me/availability")
      .then(show)
      .catch(() => {}); // The next interval asks again.
  };

  select.addEventListener("change", async () => {
    const wanted = /** @type {Availability["availability"]} */ (select.value);
    try {
      show(await call("PUT", "/api/v1/me/availability", { availability: wanted }));
      say(SAID[wanted]);
    } catch (error) {
      select.value = shown;
      say(`Your choice was not kept: ${messageOf(error)}`);
    }
  });
  select.classList.toggle("paused", shown === "paused");
  read();
  setInterval(read, EVERY_MS);
  for (const event of ["visibilitychange", "live:list"]) document.addEventListener(event, read);
}
