// Keeps the rows of a list in their places while the pointer or the keyboard's focus is in the list, so that nobody
// clicks another row than the one that was meant. A row that goes leaves a gap; a row that comes waits.
//
// Otherwise a row that goes leaves a gap for a moment, too: the rows below it move once for all that go at about the
// same time. To move them is most of what a claim costs a page.

import { elements, focusedIn, setText } from "./dom.js";

const CALM_MS = 1000; // Gaps close when no row has gone for so long,
const MAX_MS = 3000; // when the first gap is so old,
const MAX_GAPS = 5; // or when there are more.

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
    /** Whether the slots are those of before, perhaps with more gaps. */
    this.isKept = false;
    this.gaps = 0;
    this.wentAt = 0; // when the newest of them came
    this.settles = false;
    /** @type {AbortController | null} while gaps are to close by themselves: ends the waiting for it */
    this.closing = null;
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
      if (!this.isHeld && this.order.length) this.settle();
    });
  }

  /** Shows all rows where they belong, unless the rows are held. */
  settle() {
    this.settles = true;
    this.onRelease();
    this.settles = false;
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
    const stays = this.order.filter((lead) => now.has(lead));
    const gaps = this.order.length - stays.length;
    this.isKept = stays.length > 0 && (this.isHeld || this.haveOnlyGone(rows, stays, entered));
    if (!this.isKept) {
      this.order = [...now.keys()];
      this.entered.clear();
      this.waiting = 0;
      this.gaps = 0;
      this.closing?.abort();
      this.closing = null;
      return rows.map((row) => ({ lead: row.lead_id, row }));
    }
    if (gaps > this.gaps) this.closeLater();
    this.gaps = gaps;
    const shown = new Set(this.order);
    if (entered && !shown.has(entered)) this.entered.add(entered);
    const last = rows.findLastIndex((row) => shown.has(row.lead_id));
    const between = rows.slice(0, last).filter((row) => !shown.has(row.lead_id));
    for (const row of between) this.entered.add(row.lead_id);
    this.waiting = [...this.entered].filter((lead) => now.has(lead)).length;
    return this.order.map((lead) => ({ lead, row: now.get(lead) ?? null }));
  }

  /**
   * Leaves a gap for one row that goes, if that is all that changes.
   * @param {string} lead
   * @returns {boolean} whether it did; if not, `slots` says what to show
   */
  leaves(lead) {
    const gaps = this.gaps + 1;
    const stays = this.order.length - gaps;
    if (stays < 1 || !this.order.includes(lead)) return false;
    if (!this.isHeld && !this.isMoment(gaps, stays)) return false;
    this.gaps = gaps;
    this.isKept = true;
    this.closeLater();
    return true;
  }

  /**
   * Says whether rows have only gone, and not many: their gaps stay for a moment. A row that comes or moves shifts
   * the others anyway.
   * @param {R[]} rows
   * @param {string[]} stays the leads that were shown and are still there
   * @param {string | null} [entered]
   */
  haveOnlyGone(rows, stays, entered) {
    if (!this.isMoment(this.order.length - stays.length, stays.length)) return false;
    if (entered && rows.some((row) => row.lead_id === entered)) return false;
    return stays.every((lead, n) => rows[n].lead_id === lead);
  }

  /**
   * Says whether so many gaps may stay for a moment.
   * @param {number} gaps
   * @param {number} stays how many rows are left
   */
  isMoment(gaps, stays) {
    if (gaps === 0 || gaps > Math.min(MAX_GAPS, stays)) return false;
    return !(this.settles || this.changes || document.hidden);
  }

  /** Closes the gaps after a moment, or as soon as somebody scrolls or presses a key. */
  closeLater() {
    this.wentAt = performance.now();
    if (this.closing) return;
    this.closing = new AbortController();
    const { signal } = this.closing;
    const most = this.wentAt + MAX_MS;
    const look = () => {
      const left = Math.min(this.wentAt + CALM_MS, most) - performance.now();
      if (left > 0) timer = setTimeout(look, left);
      else this.settle();
    };
    let timer = setTimeout(look, CALM_MS);
    signal.addEventListener("abort", () => clearTimeout(timer));
    addEventListener("scroll", () => this.settle(), { signal, passive: true });
    addEventListener("keydown", () => this.settle(), { signal, capture: true });
  }
}

/**
 * Empties a row that has gone, for everybody: it keeps its height, and has nothing to see, to click or to read out.
 * @param {HTMLTableRowElement} line
 * @returns {HTMLTableRowElement}
 */
export function makeGap(line) {
  line.removeAttribute("data-lead");
  for (const part of line.querySelectorAll("[data-does], [data-select]")) {
    part.removeAttribute("data-does");
    part.removeAttribute("data-select");
  }
  line.classList.remove("fresh");
  line.classList.add("gone");
  line.inert = true;
  line.setAttribute("aria-hidden", "true");
  return line;
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
