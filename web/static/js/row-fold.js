// Lays out the first rows of a long list only, until somebody comes near the others. A row that leaves moves all rows
// below it, so a browser lays out and paints each of them again: in a call queue with each claim of anybody.

import { elements, targetOf } from "./dom.js";

const ROWS = 20; // laid out at first, as in call-queue.css
const NEAR_PX = 300; // How far below the window the end of the laid out rows may be.
const NEAR_ROWS = 5;

/**
 * Folds the rows of a list, until their end comes near the window or the keyboard's focus, or somebody searches the
 * page or prints it. Then all rows are laid out, and stay so.
 * @param {HTMLElement} body of the table
 * @param {HTMLElement} end an element behind the table
 */
export function foldRows(body, end) {
  body.classList.add("folded");
  const away = new AbortController();
  const unfold = () => {
    body.classList.remove("folded");
    away.abort();
    sight.disconnect();
  };
  const sight = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && unfold(), {
    rootMargin: `0px 0px ${NEAR_PX}px 0px`,
  });
  sight.observe(end);
  const { signal } = away;
  addEventListener("beforeprint", unfold, { signal });
  addEventListener(
    "keydown",
    (event) => {
      if (event.key === "F3" || ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "f")) unfold();
    },
    { signal },
  );
  body.addEventListener(
    "focusin",
    (event) => {
      const row = targetOf(event).closest("tr");
      if (row && elements("tr", body, "tr").indexOf(row) >= ROWS - NEAR_ROWS) unfold();
    },
    { signal },
  );
}
