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
const GIVES_UP = new Set(["release", "decline", "unassign", "reassign", "redistribute"]); // what is typed goes with the lead

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

  /** Whether the person is in the middle of a date or a time, which has no value yet. */
  get isIncomplete() {
    const field = focusedIn(this.container);
    return field instanceof HTMLInputElement && field.validity.badInput;
  }

  /**
   * Returns a function that forgets what a successful act has sent. What is typed while the act is on its way stays.
   * @param {{type: string} & Record<string, unknown>} body
   */
  sending(body) {
    const sent = new Map(this.values);
    const others = [...sent.keys()].filter((id) => id !== NOTE);
    const ids = GIVES_UP.has(body.type) ? others : (FIELDS[body.type] ?? []);
    return () => {
      for (const id of body.note ? [...ids, NOTE] : ids) {
        if (this.values.get(id) === sent.get(id)) this.values.delete(id);
      }
    };
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
