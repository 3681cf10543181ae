// The list of the page's keys, which `?` shows.

import { isTyped } from "./dom.js";

/** @type {[string, string, string][]} the key, what it does, and the selector of what must be there */
const KEYS = [
  ["/", "Search in the list", 'main input[type="search"]'],
  ["Ctrl K", "Find a page or a lead", 'meta[name="rep"]'],
  ["j, k", "Next and previous row", "[data-rows]"],
  ["Enter", "Press the row's button", "[data-rows]"],
  ["Alt ← →", "Narrower and wider, on a heading", ".edge"],
  ["n", "Start calling, from the top", "[data-start-calling]"],
  ["n", "Release the lead, and open the next one", "[data-round]"],
  ["1 to 9", "Record the outcome with this number", "[data-outcome]"],
  ["a, then a letter", "Log what you did; the letter is on the button", "[data-activity]"],
  ["1", "Accept a lead that rings", 'meta[name="rep"]'],
  ["?", "Show these keys", "body"],
];

/** Makes the dialog of the keys that work on this page now. */
function makeDialog() {
  const dialog = document.createElement("dialog");
  dialog.id = "keys";
  dialog.setAttribute("aria-labelledby", "keys-title");
  const title = Object.assign(document.createElement("h2"), { id: "keys-title", textContent: "Keys of this page" });
  const list = document.createElement("dl");
  list.className = "keys";
  for (const [key, does, needed] of KEYS) {
    if (!document.querySelector(needed)) continue;
    const term = document.createElement("dt");
    term.append(Object.assign(document.createElement("kbd"), { textContent: key }));
    list.append(term, Object.assign(document.createElement("dd"), { textContent: does }));
  }
  const close = Object.assign(document.createElement("button"), { type: "button", textContent: "Close" });
  close.addEventListener("click", () => dialog.close());
  const menu = document.createElement("menu");
  menu.append(close);
  dialog.append(title, list, menu);
  dialog.addEventListener("close", () => dialog.remove());
  return dialog;
}

/** Makes `?` show the keys. */
export function watchKeyHelp() {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyped(event)) return;
    event.preventDefault();
    const dialog = makeDialog();
    document.body.append(dialog);
    dialog.showModal();
  });
}
