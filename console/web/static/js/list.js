// A window on a queue, kept exactly as the server has it: each change says which place it concerns, so the rows of
// the window follow from the snapshot and the changes after it, whatever happens above and below the window.

import { call } from "./api.js";
import { after } from "./live.js";

export class Window {
  constructor(shown) {
    this.queue = shown.queue_id;
    this.path = shown.path ?? `/api/v1/queues/${encodeURIComponent(shown.api)}/leads`;
    this.length = shown.window;
    this.start = 0;
    this.name = "";
    this.reading = null;
    this.again = false;
    this.waiting = [];
    this.changed = () => {};
    this.put(shown);
  }

  put(page) {
    this.size = page.size;
    this.asOf = page.as_of;
    this.rows = page.rows;
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
    if (this.rows.length < this.length && this.rows.length < this.size - this.start && !this.name) this.readSoon();
    this.changed(change.change === "left" ? null : lead_id, change, rank);
  }

  remove(lead, rank) {
    this.rows = this.rows.filter((row) => row.lead_id !== lead);
    for (const row of this.rows) if (row.rank > rank) row.rank -= 1;
    if (rank < this.start) this.start -= 1;
  }

  insert({ lead_id, rank, version, columns }) {
    for (const row of this.rows) if (row.rank >= rank) row.rank += 1;
    if (this.name) {
      if (!String(columns.name).toLowerCase().includes(this.name.toLowerCase())) return;
    } else if (rank < this.start) {
      this.start += 1;
      return;
    } else if (rank >= this.start + this.length) {
      return;
    }
    const place = this.rows.findIndex((row) => row.rank > rank);
    const row = { lead_id, rank, version, columns };
    if (place < 0) this.rows.push(row);
    else this.rows.splice(place, 0, row);
    if (!this.name) this.rows.length = Math.min(this.rows.length, this.length);
  }

  readSoon() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.read(), 150);
  }

  // Take the window anew from the server; changes that come meanwhile are applied to what it answers.
  async read() {
    if (this.reading) {
      this.again = true;
      return this.reading;
    }
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
    const query = new URLSearchParams({ limit: this.length });
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
