// Previews the leads of a queue. The preview is requested again whenever the queue or the leads change.

import { call, messageOf } from "./api.js";
import { element, finder } from "./dom.js";
import { valueText } from "./format.js";

/** @import { Column } from "./types.d.ts" */

const AGAIN_MS = 1500;
const TYPING_MS = 300;

/**
 * @typedef {object} Explanation
 * @property {string} name
 * @property {boolean} matches
 * @property {string} why
 * @property {{path: string, met: boolean, why: string}[]} conditions
 */

/**
 * @typedef {object} Result of /api/v1/queue-previews
 * @property {number} matched
 * @property {number} owned
 * @property {number} leads
 * @property {number} entering
 * @property {number} leaving
 * @property {{columns: Record<string, any>}[]} examples
 * @property {Explanation | null} lead
 */

/**
 * @param {number} owned
 * @returns {string} how many of the leads somebody owns
 */
function ownedText(owned) {
  if (owned === 0) return "";
  return owned === 1 ? ", 1 of them with an owner" : `, ${owned.toLocaleString()} of them with an owner`;
}

export class Preview {
  /**
   * @param {HTMLElement} root
   * @param {string} queue
   * @param {Column[]} fields
   */
  constructor(root, queue, fields) {
    this.root = root;
    this.find = finder(root);
    this.queue = queue;
    this.labels = new Map(fields.map(({ name, label }) => [name, label]));
    this.labels.set("name", "Name");
    this.lastRequest = 0;
    /** @type {Result | null} */
    this.result = null;
    /** @type {Record<string, any>} */
    this.value = {};
    /** @type {ReturnType<typeof setTimeout> | null} */
    this.timer = null;
    this.about = element("[name=about]", root, "input");
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let typing;
    this.about.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => this.refresh(this.value), TYPING_MS);
    });
  }

  /** Refreshes after a short time, once for all changes of leads in between. */
  refreshSoon() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.refresh(this.value);
    }, AGAIN_MS);
  }

  /** @param {Record<string, any>} value of the queue */
  async refresh(value) {
    this.value = value;
    this.lastRequest += 1;
    const request = this.lastRequest;
    this.root.setAttribute("aria-busy", "true");
    const lead = this.about.value.trim() || null;
    try {
      /** @type {Result} */
      const result = await call("POST", "/api/v1/queue-previews", { queue_id: this.queue, value, lead });
      if (request !== this.lastRequest) return;
      this.result = result;
      this.show(result, lead !== null);
    } catch (error) {
      if (request !== this.lastRequest) return;
      this.result = null;
      this.find("[data-matched]").textContent = "Not known yet";
      this.find("[data-compared]").textContent = "";
      this.find("[data-examples]").replaceChildren();
      this.find("[data-preview-note]").textContent = messageOf(error);
    }
    this.root.setAttribute("aria-busy", "false");
  }

  /**
   * @param {Result} result
   * @param {boolean} isAbout a lead
   */
  show({ matched, owned, leads, entering, leaving, examples, lead }, isAbout) {
    this.find("[data-matched]").textContent =
      `${matched.toLocaleString()} of ${leads.toLocaleString()} leads${ownedText(owned)}`;
    this.find("[data-compared]").textContent =
      `· ${entering.toLocaleString()} new, ${leaving.toLocaleString()} leaving, compared with what is published`;
    /** @type {string[]} */
    const chosen = this.value.columns ?? [];
    const names = ["name", ...chosen.filter((name) => name !== "name")];
    this.find("[data-example-head]").replaceChildren(
      ...names.map((name) => {
        const cell = document.createElement("th");
        return Object.assign(cell, { scope: "col", textContent: this.labels.get(name) ?? name });
      }),
    );
    this.find("[data-examples]").replaceChildren(
      ...examples.map(({ columns }) => {
        const row = document.createElement("tr");
        row.append(
          ...names.map((name) => {
            const text = valueText({ name, type: typeof columns[name] }, columns[name]);
            return Object.assign(document.createElement("td"), { textContent: text });
          }),
        );
        return row;
      }),
    );
    this.find("[data-preview-note]").textContent =
      matched > examples.length ? `The first ${examples.length} in its order.` : "";
    this.showExplanation(lead, isAbout);
  }

  /**
   * @param {Explanation | null} lead
   * @param {boolean} isAbout a lead
   */
  showExplanation(lead, isAbout) {
    const container = this.find("[data-why]");
    container.replaceChildren();
    if (!isAbout) return;
    if (!lead) {
      container.textContent = "There is no such lead.";
      return;
    }
    const summary = document.createElement("p");
    summary.textContent = `${lead.name} ${lead.matches ? "is in it" : "is not in it"}: ${lead.why}`;
    const list = document.createElement("ul");
    list.className = "conditions";
    list.append(
      ...lead.conditions.map(({ path, met, why }) =>
        Object.assign(document.createElement("li"), {
          className: met ? "met" : "unmet",
          textContent: `${path}: ${why}`,
        }),
      ),
    );
    container.append(summary, list);
  }
}
