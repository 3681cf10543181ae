// Keeps the rows of a list in their places while the pointer or the keyboard's focus is in the list, so that nobody
// clicks another row than the one that was meant. A row that goes leaves a gap; a row that comes waits.

import { elements, focusedIn, setText } from "./dom.js";

/**
 * What to show in one slot of a list. `row` null: the row that was here has gone.
 * @template R
 * @typedef {{lead: string, row: R | null}} Slot
 */

/** @template {{lead_id: string}} R */
export class RowHold {
  /**
   * @param {HTMLElement} body of the table
   * @param {() => void} onRelease is called when rows that were held back may be shown
   */
  constructor(body, onRelease) {
    this.body = body;
    this.onRelease = onRelease;
    this.isPointed = false;
    this.changes = 0; // that the person asked for and that are not shown yet
    /** @type {string[]} the leads shown, in order, also those that have gone */
    this.order = [];
    /** @type {Set<string>} leads that entered since the rows are held */
    this.entered = new Set();
    /** The number of rows that wait. */
    this.waiting = 0;
    body.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "mouse") this.isPointed = true;
    });
    body.addEventListener("pointerleave", () => {
      this.isPointed = false;
      this.releaseSoon();
    });
    body.addEventListener("focusout", () => this.releaseSoon());
  }

  get isHeld() {
    return this.changes === 0 && (this.isPointed || Boolean(focusedIn(this.body)?.matches(":focus-visible")));
  }

  /** Focus that goes from one row to the next is in neither for a moment. */
  releaseSoon() {
    queueMicrotask(() => {
      if (!this.isHeld && this.order.length) this.onRelease();
    });
  }

  /**
   * Shows all rows where they belong while `change` runs, because the person asked for other rows.
   * @param {() => Promise<unknown>} change
   */
  async without(change) {
    this.changes += 1;
    try {
      await change();
    } finally {
      this.changes -= 1;
    }
  }

  /**
   * Says what to show in each slot.
   * @param {R[]} rows the rows of the list, in order
   * @param {string | null} [entered] a lead that has just entered or moved
   * @returns {Slot<R>[]}
   */
  slots(rows, entered) {
    const now = new Map(rows.map((row) => [row.lead_id, row]));
    if (!this.isHeld || !this.order.some((lead) => now.has(lead))) {
      this.order = [...now.keys()];
      this.entered.clear();
      this.waiting = 0;
      return rows.map((row) => ({ lead: row.lead_id, row }));
    }
    const shown = new Set(this.order);
    if (entered && !shown.has(entered)) this.entered.add(entered);
    const last = rows.findLastIndex((row) => shown.has(row.lead_id));
    const between = rows.slice(0, last).filter((row) => !shown.has(row.lead_id));
    for (const row of between) this.entered.add(row.lead_id);
    this.waiting = [...this.entered].filter((lead) => now.has(lead)).length;
    return this.order.map((lead) => ({ lead, row: now.get(lead) ?? null }));
  }
}

/**
 * Makes the gap that stands where a row has gone, of the same size.
 * @param {HTMLTableRowElement} line
 * @returns {HTMLTableRowElement}
 */
export function makeGap(line) {
  const gap = /** @type {HTMLTableRowElement} */ (line.cloneNode(true));
  gap.removeAttribute("data-lead");
  for (const part of gap.querySelectorAll("[data-does]")) part.removeAttribute("data-does");
  gap.className = "gone";
  gap.inert = true;
  gap.setAttribute("aria-hidden", "true");
  return gap;
}

/**
 * Shows how many rows wait.
 * @param {HTMLElement} label
 * @param {number} count
 */
export function showWaiting(label, count) {
  setText(label, count ? `${count.toLocaleString()} new` : "");
}

/**
 * Returns the element of the nearest row that can have the focus: at this index, below it, or above it.
 * @param {HTMLElement} body
 * @param {number} index
 * @returns {HTMLElement | null}
 */
export function nearest(body, index) {
  const lines = elements("tr", body, "tr");
  const order = [...lines.slice(Math.max(0, index)), ...lines.slice(0, Math.max(0, index)).reverse()];
  for (const line of order) {
    const found = line.matches(".gone") ? null : line.querySelector("td button:not(:disabled), td a, td input");
    if (found instanceof HTMLElement) return found;
  }
  return null;
}
