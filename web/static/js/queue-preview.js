// Who would be in a view, asked of the server again whenever the view or the leads change.

import { call } from "./api.js";
import { shown } from "./format.js";

const AGAIN_MS = 1500;
const number = (count) => count.toLocaleString();

export class Preview {
  constructor(room, queue, fields) {
    this.room = room;
    this.queue = queue;
    this.labels = new Map(fields.map(({ name, label }) => [name, label]));
    this.labels.set("name", "Name");
    this.asked = 0;
    this.told = null;
    this.value = null;
    this.about = room.querySelector("[name=about]");
    let typing;
    this.about.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => this.ask(this.value), 300);
    });
  }

  find(selector) {
    return this.room.querySelector(selector);
  }

  // At most one look at a time for all that happens to leads meanwhile.
  again() {
    this.soon ??= setTimeout(() => {
      this.soon = null;
      this.ask(this.value);
    }, AGAIN_MS);
  }

  async ask(value) {
    this.value = value;
    const mine = (this.asked += 1);
    this.room.setAttribute("aria-busy", "true");
    const lead = this.about.value.trim() || null;
    try {
      const told = await call("POST", "/api/v1/queue-previews", { queue_id: this.queue, value, lead });
      if (mine !== this.asked) return;
      this.told = told;
      this.show(told, lead);
    } catch (error) {
      if (mine !== this.asked) return;
      this.told = null;
      this.find("[data-matched]").textContent = "Not known yet";
      this.find("[data-compared]").textContent = "";
      this.find("[data-examples]").replaceChildren();
      this.find("[data-preview-said]").textContent = error.message;
    }
    this.room.setAttribute("aria-busy", "false");
  }

  show(told, lead) {
    this.find("[data-matched]").textContent = `${number(told.matched)} of ${number(told.leads)} leads`;
    this.find("[data-compared]").textContent = `· ${number(told.entering)} new, ${number(told.leaving)} leaving, compared with what is published`;
    const names = ["name", ...(this.value.columns ?? []).filter((name) => name !== "name")];
    const head = names.map((name) => Object.assign(document.createElement("th"), { scope: "col", textContent: this.labels.get(name) ?? name }));
    this.find("[data-example-head]").replaceChildren(...head);
    this.find("[data-examples]").replaceChildren(
      ...told.examples.map((example) => {
        const row = document.createElement("tr");
        row.append(...names.map((name) => Object.assign(document.createElement("td"), { textContent: shown({ name, type: typeof example.columns[name] }, example.columns[name]) })));
        return row;
      }),
    );
    this.find("[data-preview-said]").textContent = told.matched > told.examples.length ? `The first ${told.examples.length} in its order.` : "";
    this.why(told.lead, lead);
  }

  why(told, asked) {
    const room = this.find("[data-why]");
    if (!asked) return void room.replaceChildren();
    if (!told) return void (room.textContent = "There is no such lead.");
    const said = document.createElement("p");
    said.textContent = `${told.name} ${told.matches ? "is in it" : "is not in it"}: ${told.why}`;
    const list = document.createElement("ul");
    list.className = "conditions";
    for (const one of told.conditions) {
      const line = Object.assign(document.createElement("li"), { className: one.met ? "met" : "unmet", textContent: `${one.path}: ${one.why}` });
      list.append(line);
    }
    room.replaceChildren(said, list);
  }
}
