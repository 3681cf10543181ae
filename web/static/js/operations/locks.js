// The leads that reps have open, on the operations page. A manager frees one with a reason.

import { act, call } from "../api.js";
import { element, finder } from "../dom.js";
import { dateAndTime } from "../format.js";
import { askForMove } from "../move-dialog.js";
import { say } from "../say.js";
import { fillTable } from "../small-table.js";

/**
 * @typedef {object} OpenLock
 * @property {string} lead_id
 * @property {string} name
 * @property {string} rep_id
 * @property {string} rep_name
 * @property {string | null} since
 * @property {string} until
 */

/** @typedef {{locks: OpenLock[], total: number}} OpenLocks */

const find = finder(document);
const UNTIL_STORED_MS = 300; // The database has a change a moment after the engine has decided it.
const LOOKS = 20;

export class Locks {
  /** @param {OpenLocks} shown */
  constructor(shown) {
    this.shown = shown;
  }

  async refresh() {
    this.shown = await call("GET", "/api/v1/locks");
    this.draw();
  }

  draw() {
    const { locks, total } = this.shown;
    const table = find('[data-table="locks"]', "table");
    const focused = document.activeElement?.closest("[data-lock]")?.getAttribute("data-lock");
    fillTable(
      table,
      ["Lead", "Open by", "Since", "Until", ""],
      locks.map((lock) => [
        Object.assign(document.createElement("a"), { href: `/leads/${lock.lead_id}`, textContent: lock.name }),
        lock.rep_name,
        lock.since ? dateAndTime(lock.since) : "a moment ago",
        dateAndTime(lock.until),
        this.freeButton(lock),
      ]),
      "Nobody has a lead open.",
    );
    if (focused)
      table
        .querySelector(`[data-lock="${CSS.escape(focused)}"]`)
        ?.querySelector("button")
        ?.focus();
    const more = find("[data-more-locks]");
    more.hidden = total <= locks.length;
    more.textContent = `${(total - locks.length).toLocaleString()} more are open.`;
  }

  /** @param {OpenLock} lock */
  freeButton(lock) {
    const span = document.createElement("span");
    span.dataset.lock = lock.lead_id;
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Free …" });
    button.setAttribute("aria-label", `Free ${lock.name}, which ${lock.rep_name} has open`);
    button.addEventListener("click", () => this.free(lock));
    span.append(button);
    return span;
  }

  /** @param {OpenLock} lock */
  async free(lock) {
    const chosen = await askForMove({
      title: `Free ${lock.name}`,
      effect: `${lock.rep_name} has the lead open. It goes back to its queues, and ${lock.rep_name} is told why.`,
      label: "Free the lead",
      reps: "none",
      why: true,
    });
    if (!chosen) return;
    try {
      const fields = { type: "release", why: chosen.why };
      const answer = await act(`/api/v1/leads/${lock.lead_id}/actions`, fields, { name: lock.name });
      say(answer.result === "done" ? `${lock.name} is free again.` : (answer.words ?? "It could not be freed."));
      for (let looks = 0; looks < LOOKS; looks += 1) {
        await this.refresh();
        if (!this.shown.locks.some((held) => held.lead_id === lock.lead_id && held.until === lock.until)) break;
        await new Promise((resolve) => setTimeout(resolve, UNTIL_STORED_MS));
      }
    } catch {
      say("The console is unavailable. Try again.");
    }
    element("#locks-title").focus();
  }
}
