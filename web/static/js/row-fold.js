// Lays out the first rows of a long list only, until somebody comes near the others. A row that leaves moves all rows
// below it, so a browser lays out and paints each of them again: in a call queue with each claim of anybody.

import { elements, targetOf } from "./dom.js";

const MAX_ROWS = 20; // laid out at first
const NEAR_PX = 300; // How far below the window the end of the laid out rows may be.
const NEAR_ROWS = 2;

export class RowFold {
  /**
   * Folds the rows of a list, until their end comes near the window or the keyboard's focus, or somebody searches the
   * page or prints it. Then all rows are laid out, and stay so.
   * @param {HTMLElement} body of the table
   * @param {HTMLElement} end an element behind the table
   */
  constructor(body, end) {
    this.body = body;
    this.count = MAX_ROWS;
    body.classList.add("folded");
    const away = new AbortController();
    const unfold = () => {
      body.classList.remove("folded");
      away.abort();
      sight.disconnect();
    };
    const sight = new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && unfold(), {
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
        if (row && elements("tr", body, "tr").indexOf(row) >= this.count - NEAR_ROWS) unfold();
      },
      { signal },
    );
  }

  /** Folds to the rows that fit into the window and `NEAR_PX` below it, so that their end does not unfold them at once. */
  fit() {
    const first = this.body.firstElementChild?.getBoundingClientRect();
    if (!first?.height) return;
    const fitting = Math.floor((innerHeight + NEAR_PX - first.top) / first.height) + 1;
    this.count = Math.max(NEAR_ROWS + 1, Math.min(MAX_ROWS, fitting));
    this.mark(/** @type {HTMLCollectionOf<HTMLElement>} */ (this.body.children));
  }

  /**
   * Marks the rows that are not laid out. With `:nth-child` a browser would look at all rows after each that goes.
   * @param {Iterable<HTMLElement>} rows in order
   */
  mark(rows) {
    let n = 0;
    for (const row of rows) {
      row.classList.toggle("below", n >= this.count);
      n += 1;
    }
  }
}
