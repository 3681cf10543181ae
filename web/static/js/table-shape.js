// What a person made of a table: the widths of its columns, and its order. The console keeps it for the person, so every
// browser shows the same. Each browser has a copy, so that no page waits for it, or moves when it comes.

import { call } from "./api.js";

/** @typedef {{widths?: Record<string, number>, order?: string}} Shape `order`: a column, or "-" and a column */

const PATH = "/api/v1/preferences/table-shapes";
const MOST_BYTES = 9000; // web/api/preferences.py takes 10,000. The tables changed longest ago are forgotten first.
const SEND_MS = 500;
const PERSON = ["org", "rep"].map((name) => document.querySelector(`meta[name="${name}"]`)?.getAttribute("content"));
const KEY = `table-shapes/${PERSON.join("/")}`;
const READ_KEY = `${KEY}/read`;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let sending;

/** @returns {{shapes: Record<string, Shape>, isUnsent?: boolean}} */
function copy() {
  return JSON.parse(localStorage.getItem(KEY) ?? '{"shapes": {}}');
}

/** @param {Record<string, Shape>} shapes */
function store(shapes) {
  const kept = { ...shapes };
  for (const name of Object.keys(kept)) {
    if (new TextEncoder().encode(JSON.stringify(kept)).length <= MOST_BYTES) break;
    delete kept[name];
  }
  localStorage.setItem(KEY, JSON.stringify({ shapes: kept, isUnsent: true }));
  clearTimeout(sending);
  sending = setTimeout(() => send().catch(() => {}), SEND_MS); // The next page tries again.
}

/** Sends the copy to the console. What is not sent when the page is left, the next page sends. */
async function send() {
  const { shapes } = copy();
  await call("PUT", PATH, shapes);
  if (JSON.stringify(copy().shapes) === JSON.stringify(shapes)) localStorage.setItem(KEY, JSON.stringify({ shapes }));
}

/** Reads what the person did in other browsers, once for each tab. */
async function read() {
  if (copy().isUnsent) await send();
  if (sessionStorage.getItem(READ_KEY)) return;
  const shapes = await call("GET", PATH);
  sessionStorage.setItem(READ_KEY, "yes");
  const mine = copy();
  if (mine.isUnsent || JSON.stringify(mine.shapes) === JSON.stringify(shapes)) return;
  localStorage.setItem(KEY, JSON.stringify({ shapes }));
  document.dispatchEvent(new CustomEvent("table-shapes"));
}

export class TableShape {
  /** @type {Promise<void> | null} */
  static reading = null;

  /**
   * @param {string} name of the table
   * @param {() => void} [onRead] called when the console knows other shapes than this browser's copy
   */
  constructor(name, onRead) {
    this.name = name;
    if (onRead) document.addEventListener("table-shapes", onRead);
    TableShape.reading ??= read().catch(() => {}); // The next page tries again.
  }

  /** @returns {Shape} */
  get shape() {
    return copy().shapes[this.name] ?? {};
  }

  get isPlain() {
    const { widths, order } = this.shape;
    return !order && !Object.keys(widths ?? {}).length;
  }

  /** @param {Shape} shape */
  change(shape) {
    const { [this.name]: before, ...others } = copy().shapes;
    store({ ...others, [this.name]: { ...before, ...shape } }); // The newest change stands last.
  }

  reset() {
    const { [this.name]: _, ...others } = copy().shapes;
    store(others);
  }
}
