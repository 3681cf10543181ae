// The dead letters of the operations page, and their replay.

import { call, messageOf } from "../api.js";
import { element, finder } from "../dom.js";
import { dateAndTime, spaced } from "../format.js";
import { say } from "../say.js";
import { fillTable } from "../small-table.js";

/**
 * @typedef {object} Letter
 * @property {string} place
 * @property {string} source topic, partition and offset of the message
 * @property {string} error_class
 * @property {string} reason
 * @property {string | null} failed_at
 * @property {string | null} replayed_at
 * @property {string | null} replayed_by null for the command line
 * @property {string | null} skipped_at
 * @property {string} skipped_why
 */

/** @typedef {Letter & {key: string, value: string, headers: Record<string, string>, replayable: boolean}} WholeLetter */

const MAX_LISTED = 500; // The API lists at most this many, so a larger count gives no information.

/** @param {Letter} letter */
function whatWasDone(letter) {
  if (letter.replayed_at) {
    return ` (sent again ${dateAndTime(letter.replayed_at)} by ${letter.replayed_by ?? "an operator"})`;
  }
  if (!letter.skipped_at) return "";
  const why = letter.skipped_why ? `: ${letter.skipped_why}` : "";
  return ` (skipped ${dateAndTime(letter.skipped_at)} by an operator${why})`;
}

export class DeadLetters {
  /**
   * @param {Letter[]} letters
   * @param {() => Promise<void>} onReplay
   */
  constructor(letters, onReplay) {
    this.letters = letters;
    this.onReplay = onReplay;
    /** @type {WholeLetter | null} */
    this.opened = null;
    this.isReading = false;
    this.isStale = false;
    this.table = element('[data-table="letters"]', document, "table");
    this.dialog = element("#letter", document, "dialog");
    this.find = finder(this.dialog);
    const replay = this.find("[data-letter-replay]", "button");
    replay.addEventListener("click", () => this.replay(replay));
    this.find("[data-letter-close]").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => this.focus(this.opened?.place));
  }

  get count() {
    return this.letters.length;
  }

  /**
   * Reads the list again if it may have changed.
   * @param {number} count of the current dead letters
   */
  async refresh(count) {
    if (count === this.letters.length && count < MAX_LISTED && !this.opened && !this.isStale) return;
    await this.read();
  }

  /**
   * Reads the list: one read at a time, and one more after it for all that was asked meanwhile. A hidden page reads
   * nothing; the next call once it is visible does.
   */
  async read() {
    this.isStale = true;
    if (this.isReading) return;
    this.isReading = true;
    try {
      while (this.isStale && !document.hidden) {
        this.isStale = false;
        this.letters = await call("GET", "/api/v1/operations/dead-letters");
        this.draw();
      }
    } catch (error) {
      this.isStale = true;
      throw error;
    } finally {
      this.isReading = false;
    }
  }

  draw() {
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.letter : undefined;
    const rows = this.letters.map((letter) => {
      const [topic] = letter.source.split(":");
      const reason = `${spaced(letter.error_class)}: ${letter.reason}${whatWasDone(letter)}`;
      return [letter.failed_at ? dateAndTime(letter.failed_at) : "", topic, reason, this.button(letter.place)];
    });
    fillTable(this.table, ["When", "From", "What was wrong", ""], rows);
    this.table.hidden = this.letters.length === 0;
    element("[data-no-letters]").hidden = this.letters.length > 0;
    this.focus(focused);
  }

  /** @param {string} position */
  button(position) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Open";
    button.dataset.letter = position;
    button.setAttribute("aria-label", `Open dead letter ${position}`);
    button.addEventListener("click", () => this.open(position));
    return button;
  }

  /** @param {string | undefined} position of a letter whose button gets the focus */
  focus(position) {
    const button = position && this.table.querySelector(`[data-letter="${CSS.escape(position)}"]`);
    if (button instanceof HTMLElement) button.focus();
  }

  /** @param {string} position */
  async open(position) {
    /** @type {WholeLetter} */
    let letter;
    try {
      letter = await call("GET", `/api/v1/operations/dead-letters/${position}`);
    } catch (error) {
      return say(messageOf(error));
    }
    this.opened = letter;
    this.find("[data-letter-reason]").textContent = `${spaced(letter.error_class)}: ${letter.reason}`;
    const facts = [
      ["Place", letter.place],
      ["From", letter.source],
      ["Key", letter.key || "none"],
      ...Object.entries(letter.headers),
    ];
    this.find("[data-letter-facts]").replaceChildren(
      ...facts.flatMap(([name, value]) => [
        Object.assign(document.createElement("dt"), { textContent: name }),
        Object.assign(document.createElement("dd"), { textContent: value }),
      ]),
    );
    this.find("[data-letter-value]").textContent = letter.value;
    this.find("[data-letter-replay]").hidden = !letter.replayable;
    this.dialog.showModal();
    this.find("[data-letter-close]").focus();
  }

  /** @param {HTMLButtonElement} button */
  async replay(button) {
    button.disabled = true;
    try {
      const sent = await call("POST", `/api/v1/operations/dead-letters/${this.opened?.place}/replay`);
      say(`Sent to ${sent.topic} again. If it is still wrong it comes back as a new dead letter.`);
      this.dialog.close();
      await this.onReplay();
    } catch (error) {
      say(messageOf(error));
    } finally {
      button.disabled = false;
    }
  }
}
