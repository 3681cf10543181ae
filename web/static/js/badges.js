// The counts beside the navigation's links: what waits for the person. Each count has a place of its own, so that
// nothing moves when it comes.

import { call } from "./api.js";
import { elements } from "./dom.js";

const EVERY_MS = 30_000;
const SOON_MS = 2200; // The server counts anew after two seconds; a change may come in between.
const MAX_SHOWN = 99;

/** @type {Record<string, [string, string]>} the words for one and for several, by the count's name */
const WORDS = {
  exceptions: ["exception", "exceptions"],
  calls_due: ["call is due", "calls are due"],
  dead_letters: ["dead letter", "dead letters"],
};

/** @param {Record<string, number | null>} counts */
function draw(counts) {
  for (const badge of elements("[data-badge]", document, "span")) {
    const name = badge.dataset.badge ?? "";
    const count = counts[name] ?? 0;
    const [one, several] = WORDS[name];
    badge.replaceChildren();
    if (!count) continue;
    const seen = document.createElement("span");
    seen.setAttribute("aria-hidden", "true");
    seen.textContent = count > MAX_SHOWN ? `${MAX_SHOWN}+` : String(count);
    const text = `${count.toLocaleString()} ${count === 1 ? one : several}`;
    badge.title = text;
    badge.append(
      seen,
      Object.assign(document.createElement("span"), { className: "hidden", textContent: ` (${text})` }),
    );
  }
}

/** Shows the counts now, when something changes that they count, and at intervals while the page is looked at. */
export function watchBadges() {
  if (!document.querySelector("[data-badge]")) return;
  const show = () => {
    if (document.visibilityState === "hidden") return;
    call("GET", "/api/v1/badges")
      .then(draw)
      .catch(() => {}); // The next interval asks again.
  };
  show();
  setInterval(show, EVERY_MS);
  document.addEventListener("visibilitychange", show);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let again;
  const changed = () => {
    if (again !== undefined) return; // What comes meanwhile is counted then.
    show();
    again = setTimeout(() => {
      again = undefined;
      show();
    }, SOON_MS);
  };
  const own = `rep/${document.querySelector('meta[name="rep"]')?.getAttribute("content")}`;
  for (const event of ["exceptions", "acted", "moved", "dead_letters"])
    document.addEventListener(`live:${event}`, changed);
  document.addEventListener("live:list", (event) => {
    if (event instanceof CustomEvent && event.detail.data.queue_id === own) changed();
  });
}
