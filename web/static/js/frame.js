// The script of every page: offers, sign-out, and the key that focuses the search.

import { call } from "./api.js";
import { watchAvailability } from "./availability.js";
import { watchBadges } from "./badges.js";
import { element, isTyped, targetOf } from "./dom.js";
import { watchFinder } from "./finder.js";
import { watchKeyHelp } from "./key-help.js";
import { Live } from "./live.js";
import { watchMoves } from "./moved-notices.js";
import { showNotices } from "./notices.js";
import { offers } from "./offers.js";
import { prove } from "./prove.js";
import { endPush, renewPush } from "./push.js";
import { watchOffers } from "./push-question.js";
import { sound } from "./sound.js";
import { watchCalls } from "./telephone.js";

document.querySelector("[data-sign-out]")?.addEventListener("click", async () => {
  await endPush().catch(() => {}); // Whoever uses this browser next must not get this person's messages.
  await call("DELETE", "/api/v1/session");
  location.assign("/signed-out");
});

const menu = document.querySelector("[data-menu]");
menu?.addEventListener("click", () => {
  const isOpen = element("#main-links").classList.toggle("open");
  menu.setAttribute("aria-expanded", String(isOpen));
});

// A download link first asks for the password if the console requires it.
document.addEventListener("click", async (event) => {
  const link = targetOf(event).closest("a[data-proved]");
  if (!(link instanceof HTMLAnchorElement)) return;
  event.preventDefault();
  if (await prove(call)) location.assign(link.href);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyped(event)) return;
  // The list's own search, not the one that narrows the choice of queues beside it.
  const search = [...document.querySelectorAll('main input[type="search"]')].findLast((each) => each.checkVisibility());
  if (!(search instanceof HTMLInputElement)) return;
  event.preventDefault();
  search.focus();
});

// A dialog gives the focus back to what opened it. If that is gone or disabled, the page's heading gets it. In a list the
// row that takes the place gets it (table.js).
document.addEventListener(
  "close",
  () =>
    setTimeout(() => {
      const focused = document.activeElement;
      const isLost = !focused || focused === document.body || focused.matches(":disabled");
      if (!isLost || document.querySelector("dialog[open], [data-rows]")) return;
      const heading = document.querySelector("main h1");
      if (!(heading instanceof HTMLElement)) return;
      heading.tabIndex = -1;
      heading.focus();
    }),
  true,
);

watchKeyHelp();
if (document.querySelector("table[data-shape] > tbody"))
  import("./shaped-table.js").then((module) => module.shapeTables());

if (document.querySelector('meta[name="rep"]')) {
  sound.bind(element("[data-sound]"));
  watchOffers();
  renewPush().catch(() => {}); // The next page tries again.
  offers.start();
  watchBadges();
  watchAvailability();
  watchFinder();
  watchCalls();
  watchMoves();
  showNotices().catch(() => {}); // The next page tries again.
  // A page without a stream of its own listens for offers.
  document.addEventListener("DOMContentLoaded", () => Live.started || new Live({ queue: "mine" }).start());
}
