// Brings a person back to where the person left a list: restores the scroll position and the focused row.

const KEY = "list-position";

/**
 * Keeps the position when the page is left, and returns to it at the first draw after a way back.
 * @param {HTMLElement} body of the table
 * @returns {() => void} call it once the first rows are shown
 */
export function keepPosition(body) {
  const here = `${location.pathname}${location.search}`;
  /** @type {string | null} the row that the person used last */
  let lead = null;
  for (const event of ["click", "focusin"]) {
    body.addEventListener(event, ({ target }) => {
      if (target instanceof Element) lead = target.closest("tr")?.dataset.lead ?? lead;
    });
  }
  addEventListener("pagehide", () => {
    const position = { at: `${location.pathname}${location.search}`, top: scrollY, lead };
    sessionStorage.setItem(KEY, JSON.stringify(position));
  });
  return () => {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    if (kept?.at !== here) return;
    sessionStorage.removeItem(KEY);
    /** @type {Element | null} */
    const line = kept.lead && body.querySelector(`tr[data-lead="${CSS.escape(kept.lead)}"]`);
    const link = line?.querySelector("a") ?? line?.querySelector("button");
    if (link instanceof HTMLElement && document.activeElement === document.body) link.focus();
    scrollTo({ top: kept.top });
  };
}
