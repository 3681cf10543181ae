// Keyboard navigation in lists and tabs.

import { element, elements, isTyped, targetOf } from "./dom.js";

/** @type {Record<string, number>} */
const ROW_STEPS = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };
/** @type {Record<string, number>} */
const TAB_STEPS = { ArrowRight: 1, ArrowLeft: -1 };

/**
 * Makes j, k and the arrow keys move between rows. Enter then presses the row's button.
 * @param {HTMLElement} body of the table
 */
export function rowKeys(body) {
  document.addEventListener("keydown", (event) => {
    const target = targetOf(event);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyped(event) || target.closest("[role=tablist]")) return;
    const step = ROW_STEPS[event.key];
    if (!step) return;
    const rows = elements("tr:not(.gone)", body, "tr");
    const row = target.closest("tr");
    const at = row ? rows.indexOf(row) : -1;
    if (at < 0 && event.key.startsWith("Arrow")) return; // Without a focused row the arrow keys scroll the page.
    const next = rows[at < 0 ? 0 : at + step];
    if (!next) return;
    event.preventDefault();
    element("button, a", next).focus();
  });
}

/**
 * Makes accessible tabs: arrow keys move between tabs, and Tab reaches only the selected one.
 * @param {HTMLElement} list of the tabs
 */
export function tabs(list) {
  const all = elements("[role=tab]", list, "button");
  /** @param {HTMLElement} selected */
  const select = (selected) => {
    for (const tab of all) {
      const isSelected = tab === selected;
      tab.setAttribute("aria-selected", String(isSelected));
      tab.tabIndex = isSelected ? 0 : -1;
      element(`#${tab.getAttribute("aria-controls")}`).hidden = !isSelected;
    }
  };
  for (const tab of all) tab.addEventListener("click", () => select(tab));
  list.addEventListener("keydown", (event) => {
    const step = TAB_STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const at = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const next = all[(at + step + all.length) % all.length];
    select(next);
    next.focus();
  });
}
