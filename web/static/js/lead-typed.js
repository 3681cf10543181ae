// What a person types into the fields of the lead page. It stays when the page shows the lead anew.

import { focusedIn, targetOf } from "./dom.js";

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Field */

/** @type {Record<string, string[]>} an act -> the fields whose values it sends, by id */
const FIELDS = {
  outcome: ["outcome"],
  callback: ["date", "time", "zone"],
  consent: ["consent"],
};
const NOTE = "note";

/**
 * @param {EventTarget | null} target
 * @returns {target is Field}
 */
const isField = (target) =>
  target instanceof HTMLInputElement || target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement;

/** The values that a person has entered, of at most as many fields as the page has. */
export class TypedValues {
  /** @param {HTMLElement} container the part of the page that is replaced */
  constructor(container) {
    this.container = container;
    /** @type {Map<string, string>} */
    this.values = new Map();
    container.addEventListener("input", (event) => {
      const field = targetOf(event);
      if (isField(field) && field.id) this.values.set(field.id, field.value);
    });
  }

  /** The comment, without space around it; undefined if there is none. */
  get note() {
    return this.values.get(NOTE)?.trim() || undefined;
  }

  /**
   * Forgets what a successful act has sent.
   * @param {{type: string} & Record<string, unknown>} body
   */
  sent(body) {
    for (const id of FIELDS[body.type] ?? []) this.values.delete(id);
    if (body.note) this.values.delete(NOTE);
  }

  /**
   * Replaces what the container shows, and enters the typed values again. Focus and caret stay in their field.
   * @param {() => void} replace
   */
  keepDuring(replace) {
    const focused = focusedIn(this.container);
    const caret = isField(focused) && "selectionStart" in focused ? [focused.selectionStart, focused.selectionEnd] : [];
    replace();
    for (const [id, value] of this.values) {
      const field = document.getElementById(id);
      if (isField(field) && this.container.contains(field)) field.value = value;
    }
    const successor = focused && document.getElementById(focused.id);
    successor?.focus();
    const [start, end] = caret;
    if (isField(successor) && "setSelectionRange" in successor && typeof start === "number") {
      successor.setSelectionRange(start, end ?? start);
    }
  }
}
