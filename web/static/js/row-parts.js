// Parts of a row in the lists from the database.

import { phoneText } from "./format.js";

/** @import { LeadRow } from "./types.d.ts" */

/**
 * Returns the displayed name of a lead.
 * @param {LeadRow} row
 * @returns {string}
 */
export function nameOf(row) {
  const name = row.prospect_name ?? [row.first_name, row.last_name].filter(Boolean).join(" ");
  return name || row.external_id || row.email || phoneText(row.phone ?? "") || "this lead";
}

/** Returns the mark of a lead that must not be called (M8). */
export function doNotCall() {
  return Object.assign(document.createElement("span"), { className: "badge due", textContent: "Do not call" });
}

/**
 * @param {string} text
 * @param {string} label for screen readers
 * @param {string} does what the button does; used to restore the focus
 * @param {() => void} click
 * @param {string} [kind]
 */
export function button(text, label, does, click, kind = "") {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.className = kind;
  made.dataset.does = does;
  made.setAttribute("aria-label", label);
  made.addEventListener("click", click);
  return made;
}
