// Tells a person at every page which leads others moved to or from them, until the person has read it (M1, M4).

import { call } from "./api.js";
import { element } from "./dom.js";
import { dateAndTime } from "./format.js";
import { say } from "./say.js";
import { whenFree } from "./when-free.js";

/** @import { MovedNotice } from "./types.d.ts" */

const SOON_MS = 300; // Moves within this time are announced together.
const LATEST_MS = 2000; // how long the first reading waits for the page's stream
const TOLD_MS = 12000;
const MAX_TOLD = 3;
const MAX_SHOWN = 8;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let newest = "";
/** @type {Set<string>} what has been announced already */
const announced = new Set();

/** Shows the unread notices, and each further one as it happens. */
export function watchMoves() {
  document.addEventListener("live:moved", () => {
    clearTimeout(timer);
    timer = setTimeout(() => show(true).catch(() => {}), SOON_MS); // The next one, or the next page, tries again.
  });
  // What comes while the page has no stream is announced by nothing else, so they are read when it has one, or after a while without.
  let isNew = false;
  const read = () => {
    clearTimeout(first);
    show(isNew).catch(() => {}); // as above
    isNew = true;
  };
  const first = setTimeout(read, LATEST_MS);
  document.addEventListener("live:open", read);
}

/** @param {boolean} isNew whether the notices have just come, so that they are also announced */
async function show(isNew) {
  /** @type {MovedNotice[]} */
  const found = await call("GET", "/api/v1/me/moves");
  const fresh = found.filter((notice) => !announced.has(keyOf(notice)));
  for (const notice of found) announced.add(keyOf(notice));
  if (isNew) for (const notice of fresh.slice(0, MAX_TOLD)) say(textOf(notice), TOLD_MS);
  whenFree("moves", () => draw(found));
}

/** @param {MovedNotice[]} found */
function draw(found) {
  const container = element("#moves");
  container.hidden = found.length === 0;
  if (!found.length) return;
  newest = found[0].at;
  const list = document.createElement("ul");
  list.append(...found.slice(0, MAX_SHOWN).map(item));
  const more = found.length - MAX_SHOWN;
  if (more > 0) list.append(Object.assign(document.createElement("li"), { textContent: `and ${more} earlier` }));
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "I have read this" });
  button.addEventListener("click", async () => {
    await call("PUT", "/api/v1/preferences/moves-read", { until: newest });
    container.hidden = true;
    element("#main").focus();
  });
  const title = Object.assign(document.createElement("h2"), { textContent: "Leads that were moved" });
  container.replaceChildren(title, list, button);
}

/** @param {MovedNotice} notice */
const keyOf = ({ at, text, count }) => `${at} ${text} ${count}`;

/** @param {MovedNotice} notice */
const textOf = ({ text, why }) => (why ? `${text} Reason: ${why}` : text);

/** @param {MovedNotice} notice */
function item(notice) {
  const { at, to_you, count, leads } = notice;
  const line = document.createElement("li");
  const when = Object.assign(document.createElement("time"), { dateTime: at, textContent: dateAndTime(at) });
  line.append(when, ` ${textOf(notice)}`);
  if (count === 1 && !to_you) return line;
  line.append(" (");
  leads.forEach(({ lead_id, name }, n) => {
    if (n) line.append(", ");
    const link = Object.assign(document.createElement("a"), { href: `/leads/${lead_id}`, textContent: name });
    line.append(to_you ? link : name);
  });
  line.append(count > leads.length ? ` and ${(count - leads.length).toLocaleString()} more)` : ")");
  return line;
}
