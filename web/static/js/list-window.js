// A window on a list of the board that always equals the server's state. Each change names its rank, so the rows of the
// window follow from the snapshot and the later changes, regardless of changes above and below the window.
// The window also holds a reserve of rows below it. They move up when rows leave, so most claims need no request.

import { call } from "./api.js";
import { isAfter } from "./live.js";

/** @import { BoardPage, BoardRow, ListChange } from "./types.d.ts" */

/**
 * @typedef {object} Options
 * @property {string} queue_id
 * @property {string} api the list's name in the API
 * @property {string} [path] of the API, if it is not a queue's path
 * @property {number} window rows to show
 * @property {number} [reserve] rows to hold below them
 * @property {boolean} [times] whether each read page brings the times of its leads
 */

const SOON_MS = 150;
const SPREAD_MS = 1500; // Spreads the requests of pages that show the same list.

export class ListWindow {
  /** @param {Options & BoardPage} options with the first page */
  constructor(options) {
    this.queueId = options.queue_id;
    this.path = options.path ?? `/api/v1/queues/${encodeURIComponent(options.api)}/leads`;
    this.length = options.window;
    this.reserve = options.reserve ?? 0;
    this.times = options.times ?? false;
    this.start = 0;
    this.name = "";
    this.size = options.size;
    this.asOf = options.as_of;
    this.held = options.rows;
    /** @type {Promise<BoardPage> | null} */
    this.reading = null;
    this.readAgain = false;
    this.due = Number.POSITIVE_INFINITY;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** @type {[ListChange, string | undefined][]} */
    this.waiting = [];
    /** @type {(enteredOrMoved: string | null) => void} called after each change with the lead that entered or moved */
    this.onChange = () => {};
    /** @type {(page: BoardPage) => void} called with each page that was read, before `onChange` */
    this.onRead = () => {};
    /** @type {(error: unknown) => void} */
    this.onError = () => {};
  }

  /** @param {BoardPage} page */
  replace(page) {
    this.size = page.size;
    this.asOf = page.as_of;
    this.held = page.rows;
    this.onRead(page);
  }

  /** The rows to show. */
  get rows() {
    return this.name ? this.held : this.held.slice(0, this.length);
  }

  /** The first rank after the rows that the window holds. */
  get end() {
    return this.start + this.held.length;
  }

  /**
   * Applies one change, unless the snapshot already contains it.
   * @param {ListChange} change
   * @param {string} [id] of the feed's entry
   * @returns {boolean} whether `onChange` was called for it, or will be
   */
  apply(change, id) {
    if (change.change === "rebuilt") {
      this.read();
      return true;
    }
    if (change.queue_id !== this.queueId) return false;
    if (this.reading) {
      this.waiting.push([change, id]);
      return true;
    }
    if (id && !isAfter(id, this.asOf)) return false;
    if (id) this.asOf = id;
    if (change.size !== null && change.size !== undefined) this.size = change.size;
    const known = this.held.find((row) => row.lead_id === change.lead_id);
    if (change.change !== "entered") this.remove(change.lead_id, change.was);
    if (change.change !== "left") {
      const { may_claim, why_not } = change.may_claim === undefined ? (known ?? {}) : change;
      this.insert({ ...change, may_claim, why_not });
    }
    if (!this.name && this.end < this.size) this.refill();
    this.onChange(change.change === "left" ? null : change.lead_id);
    return true;
  }

  /**
   * @param {string} lead
   * @param {number} rank
   */
  remove(lead, rank) {
    this.held = this.held.filter((row) => row.lead_id !== lead);
    for (const row of this.held) if (row.rank > rank) row.rank -= 1;
    if (rank < this.start) this.start -= 1;
  }

  /** @param {BoardRow} entered */
  insert({ lead_id, rank, version, columns, may_claim, why_not }) {
    for (const row of this.held) if (row.rank >= rank) row.rank += 1;
    if (this.name) {
      if (!String(columns.name).toLowerCase().includes(this.name.toLowerCase())) return;
    } else if (rank < this.start) {
      this.start += 1;
      return;
    } else if (rank > this.end || rank >= this.start + this.length + this.reserve) {
      return;
    }
    const index = this.held.findIndex((row) => row.rank > rank);
    const row = { lead_id, rank, version, columns, may_claim, why_not };
    if (index < 0) this.held.push(row);
    else this.held.splice(index, 0, row);
    if (!this.name) this.held.length = Math.min(this.held.length, this.length + this.reserve);
  }

  /** Requests more rows when the reserve gets short: soon if a shown row is missing, otherwise later. */
  refill() {
    if (this.held.length < this.length) this.readSoon();
    else if (this.held.length < this.length + this.reserve / 2 && this.due === Number.POSITIVE_INFINITY)
      this.readSoon(Math.random() * SPREAD_MS);
  }

  /**
   * Reads the window after a short time. Further changes do not delay a read that is due.
   * @param {number} [extraMs]
   */
  readSoon(extraMs = 0) {
    const due = performance.now() + SOON_MS + extraMs;
    if (this.due <= due) return;
    clearTimeout(this.timer);
    this.due = due;
    this.timer = setTimeout(() => this.read(), SOON_MS + extraMs);
  }

  /**
   * Reads the window from the server, then applies the changes that arrived in the meantime.
   * @returns {Promise<unknown>}
   */
  async read() {
    if (this.reading) {
      this.readAgain = true;
      return this.reading;
    }
    clearTimeout(this.timer);
    this.due = Number.POSITIVE_INFINITY;
    this.reading = this.fetch();
    try {
      this.replace(await this.reading);
    } catch (error) {
      this.onError(error);
    }
    this.reading = null;
    const waiting = this.waiting;
    this.waiting = [];
    for (const [change, id] of waiting) this.apply(change, id);
    this.onChange(null);
    if (this.readAgain) {
      this.readAgain = false;
      await this.read();
    }
  }

  /** @returns {Promise<BoardPage>} */
  fetch() {
    const query = new URLSearchParams({ limit: String(this.name ? this.length : this.length + this.reserve) });
    if (this.times) query.set("times", "true");
    if (this.name) query.set("name", this.name);
    else if (this.start) query.set("cursor", btoa(`rank:${this.start}`).replaceAll("+", "-").replaceAll("/", "_"));
    return call("GET", `${this.path}?${query}`);
  }

  /** @param {string} name or a part of it; an empty name shows all rows */
  search(name) {
    this.name = name.normalize().trim();
    this.start = 0;
    return this.read();
  }

  /** @param {number} pages to move forward; negative to move back */
  move(pages) {
    const last = Math.max(0, Math.floor((this.size - 1) / this.length) * this.length);
    this.start = Math.min(last, Math.max(0, this.start + pages * this.length));
    return this.read();
  }
}
