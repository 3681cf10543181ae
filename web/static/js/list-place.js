// Brings a person back to the place in a list that the person left: the scroll position and the row.

import { element } from "./dom.js";

const KEY = "list-place";

/**
 * Keeps the place when the page is left, and returns to it at the first draw after a way back.
 * @param {HTMLElement} body of the table
 * @returns {() => void} call it once the first rows are shown
 */
export function keepPlace(body) {
  const here = `${location.pathname}${location.search}`;
  addEventListener("pagehide", () => {
    const lead = document.activeElement?.closest("tr")?.dataset.lead ?? null;
    const place = { at: `${location.pathname}${location.search}`, top: scrollY, lead };
    sessionStorage.setItem(KEY, JSON.stringify(place));
  });
  return () => {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    if (kept?.at !== here) return;
    sessionStorage.removeItem(KEY);
    const line = kept.lead && body.querySelector(`tr[data-lead="${CSS.escape(kept.lead)}"]`);
    if (line && document.activeElement === document.body) element("a, button, input", line).focus();
    scrollTo({ top: kept.top });
  };
}
