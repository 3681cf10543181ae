// The searchable list of reps in a dialog: each rep's licence, open leads and absence, by name and keyboard (E3, M1).

import { call } from "./api.js";
import { elements } from "./dom.js";
import { localised } from "./format.js";

/**
 * @typedef {object} Rep
 * @property {string} rep_id
 * @property {string} name
 * @property {string} role
 * @property {string[]} teams
 * @property {boolean | null} licensed in the lead's state; null if no lead is named or licences are not tracked
 * @property {string[] | null} licensed_states null if they are not tracked
 * @property {number | null} open_leads null if the person may not see it
 * @property {number | null} max_open
 * @property {string | null} unavailable why the rep has no time now
 */

const TYPING_MS = 120;
const STATES_SHOWN = 4;

export class RepList {
  /**
   * @param {object} parts of the dialog
   * @param {HTMLInputElement} parts.search
   * @param {HTMLElement} parts.list
   * @param {HTMLElement} parts.chosen shows the names of the chosen reps
   * @param {object} options
   * @param {boolean} options.several more than one may be chosen
   * @param {string} [options.lead] the id of the lead that they would get
   * @param {string} [options.without] the id of a rep who is not listed
   * @param {() => void} options.onChange
   * @param {() => void} options.onEnter the person has chosen and pressed Enter
   */
  constructor({ search, list, chosen }, { several, lead, without, onChange, onEnter }) {
    this.search = search;
    this.list = list;
    this.chosen = chosen;
    this.several = several;
    this.lead = lead;
    this.without = without;
    this.onChange = onChange;
    this.onEnter = onEnter;
    /** @type {Map<string, string>} names by rep id */
    this.picked = new Map();
    this.state = "";
    this.lastRequest = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.typing = undefined;
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    search.value = "";
    list.replaceChildren(); // The boxes of an earlier list would choose for that list.
    search.addEventListener("input", () => this.showSoon(), { signal });
    search.addEventListener("keydown", (event) => this.pressInSearch(event), { signal });
    list.addEventListener("keydown", (event) => this.pressInList(event), { signal });
    this.showPicked();
    this.show();
  }

  /** Ends the list; its elements may be used again. */
  end() {
    this.listeners.abort();
    clearTimeout(this.typing);
    this.lastRequest += 1;
  }

  /**
   * @param {string} rep
   * @param {string} name
   */
  pick(rep, name) {
    this.picked.set(rep, name);
    this.showPicked();
  }

  showSoon() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.show(), TYPING_MS);
  }

  async show() {
    this.lastRequest += 1;
    const request = this.lastRequest;
    const query = new URLSearchParams({ search: this.search.value, ...(this.lead ? { lead_id: this.lead } : {}) });
    /** @type {{reps: Rep[], total: number, state: string | null}} */
    const { reps, total, state } = await call("GET", `/api/v1/takers?${query}`);
    if (request !== this.lastRequest) return;
    this.state = state ?? "its state";
    const shown = reps.filter((rep) => rep.rep_id !== this.without);
    this.list.replaceChildren(...shown.map((rep) => this.option(rep)));
    const nobody = this.search.value ? "No rep has that name." : "The org has no active rep for this yet.";
    if (!shown.length) this.list.textContent = nobody;
    if (total > reps.length) this.list.append(`and ${(total - reps.length).toLocaleString()} more: type a name`);
  }

  /** @param {Rep} rep */
  option(rep) {
    const line = document.createElement("label");
    const box = document.createElement("input");
    box.type = this.several ? "checkbox" : "radio";
    box.name = "rep";
    box.value = rep.rep_id;
    box.checked = this.picked.has(rep.rep_id);
    box.addEventListener("change", () => {
      if (!this.several) this.picked.clear();
      if (box.checked) this.picked.set(rep.rep_id, rep.name);
      else this.picked.delete(rep.rep_id);
      this.showPicked();
      this.onChange();
    });
    const speaks = document.createElement("span");
    speaks.className = "speaks";
    for (const { text, against } of this.speaking(rep)) {
      const part = Object.assign(document.createElement("small"), { textContent: text });
      if (against) part.className = "against";
      speaks.append(part, " ");
    }
    line.append(box, ` ${rep.name} `, speaks);
    return line;
  }

  /**
   * Says what speaks for and against a rep.
   * @param {Rep} rep
   * @returns {{text: string, against?: boolean}[]}
   */
  speaking(rep) {
    const { licensed, licensed_states: states, open_leads: open, max_open: most, unavailable } = rep;
    const found = [];
    const who = [rep.role === "rep" ? null : rep.role, ...rep.teams].filter(Boolean).join(", ");
    if (who) found.push({ text: who });
    if (licensed !== null) {
      found.push({ text: `${licensed ? "licensed" : "not licensed"} in ${this.state}`, against: !licensed });
    } else if (!this.lead && states !== null) {
      found.push({ text: states.length ? statesText(states) : "no licence", against: !states.length });
    }
    if (open !== null) {
      const number = open.toLocaleString();
      if (most !== null) found.push({ text: `${number} of ${most.toLocaleString()} leads`, against: open >= most });
      else found.push({ text: open === 1 ? "1 lead" : `${number} leads` });
    }
    if (unavailable) found.push({ text: localised(unavailable), against: true });
    return found;
  }

  showPicked() {
    const names = [...this.picked.values()];
    this.chosen.textContent = names.length ? `To ${names.join(", ")}` : "";
  }

  /** @param {KeyboardEvent} event */
  pressInSearch(event) {
    const boxes = elements("input", this.list, "input");
    if (event.key === "ArrowDown") {
      event.preventDefault();
      boxes[0]?.focus();
    } else if (event.key === "Enter") {
      event.preventDefault();
      // Enter confirms the chosen reps, or chooses the only remaining one.
      if (this.picked.size) this.onEnter();
      else if (boxes.length === 1) boxes[0].click();
    }
  }

  /** @param {KeyboardEvent} event */
  pressInList(event) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (!this.picked.size && event.target instanceof HTMLElement) event.target.click();
    this.onEnter();
  }
}

/** @param {string[]} states */
function statesText(states) {
  const more = states.length - STATES_SHOWN;
  return states.slice(0, STATES_SHOWN).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
