// A window on a queue, kept exactly as the server has it: each change says which place it concerns, so the rows of
// the window follow from the snapshot and the changes after it, whatever happens above and below the window. Some rows
// below the window are held as well: they move up when rows leave, so that not every claim makes every page ask.

import { call } from "./api.js";
import { after } from "./live.js";

const SOON_MS = 150;
const SPREAD_MS = 1500; // pages that show the same list do not all ask at the same moment

export class Window {
  constructor(shown) {
    this.queue = shown.queue_id;
    this.path = shown.path ?? `/api/v1/queues/${encodeURIComponent(shown.api)}/leads`;
    this.length = shown.window;
    this.reserve = shown.reserve ?? 0;
    this.start = 0;
    this.name = "";
    this.reading = null;
    this.again = false;
    this.due = Infinity;
    this.waiting = [];
    this.changed = () => {};
    this.put(shown);
  }

  put(page) {
    this.size = page.size;
    this.asOf = page.as_of;
    this.held = page.rows;
  }

  // The rows to show.
  get rows() {
    return this.name ? this.held : this.held.slice(0, this.length);
  }

  // What stands after the last row held, and nothing of it is known.
  get end() {
    return this.start + this.held.length;
  }

  // Take one change; those that the snapshot contains already are left out.
  apply(change, id) {
    if (change.change === "rebuilt") return void this.read();
    if (change.queue_id !== this.queue) return;
    if (this.reading) return void this.waiting.push([change, id]);
    if (id && !after(id, this.asOf)) return;
    if (id) this.asOf = id;
    const { rank, was, lead_id } = change;
    if (change.size !== null && change.size !== undefined) this.size = change.size;
    if (change.change !== "entered") this.remove(lead_id, was);
    if (change.change !== "left") this.insert(change);
    if (!this.name && this.end < this.size) this.refill();
    this.changed(change.change === "left" ? null : lead_id, change, rank);
  }

  remove(lead, rank) {
    this.held = this.held.filter((row) => row.lead_id !== lead);
    for (const row of this.held) if (row.rank > rank) row.rank -= 1;
    if (rank < this.start) this.start -= 1;
  }

  insert({ lead_id, rank, version, columns }) {
    for (const row of this.held) if (row.rank >= rank) row.rank += 1;
    if (this.name) {
      if (!String(columns.name).toLowerCase().includes(this.name.toLowerCase())) return;
    } else if (rank < this.start) {
      this.start += 1;
      return;
    } else if (rank > this.end || rank >= this.start + this.length + this.reserve) {
      return;
    }
    const place = this.held.findIndex((row) => row.rank > rank);
    const row = { lead_id, rank, version, columns };
    if (place < 0) this.held.push(row);
    else this.held.splice(place, 0, row);
    if (!this.name) this.held.length = Math.min(this.held.length, this.length + this.reserve);
  }

  // Ask for more once the reserve gets short: soon where a row is missing already, else in its own time.
  refill() {
    if (this.held.length < this.length) this.readSoon();
    else if (this.held.length < this.length + this.reserve / 2 && this.due === Infinity) this.readSoon(Math.random() * SPREAD_MS);
  }

  // Changes that keep coming do not put off what is due: they are taken together, and not for longer.
  readSoon(late = 0) {
    const due = performance.now() + SOON_MS + late;
    if (this.due <= due) return;
    clearTimeout(this.soon);
    this.due = due;
    this.soon = setTimeout(() => this.read(), SOON_MS + late);
  }

  // Take the window anew from the server; changes that come meanwhile are applied to what it answers.
  async read() {
    if (this.reading) {
      this.again = true;
      return this.reading;
    }
    clearTimeout(this.soon);
    this.due = Infinity;
    this.reading = this.fetch();
    try {
      this.put(await this.reading);
    } catch (error) {
      this.failed?.(error);
    }
    this.reading = null;
    const waiting = this.waiting;
    this.waiting = [];
    for (const [change, id] of waiting) this.apply(change, id);
    this.changed(null, null);
    if (this.again) {
      this.again = false;
      await this.read();
    }
  }

  fetch() {
    const query = new URLSearchParams({ limit: this.name ? this.length : this.length + this.reserve });
    if (this.name) query.set("name", this.name);
    else if (this.start) query.set("cursor", btoa(`rank:${this.start}`).replaceAll("+", "-").replaceAll("/", "_"));
    return call("GET", `${this.path}?${query}`);
  }

  search(name) {
    this.name = name.trim();
    this.start = 0;
    return this.read();
  }

  move(pages) {
    const last = Math.max(0, Math.floor((this.size - 1) / this.length) * this.length);
    this.start = Math.min(last, Math.max(0, this.start + pages * this.length));
    return this.read();
  }
}
