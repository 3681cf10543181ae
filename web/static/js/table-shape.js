// What a person made of a table: the widths of its columns, and its order. The console keeps it for the person, so every
// browser shows the same. Each browser has a copy, so that no page waits for it, or moves when it comes.

import { call, Problem } from "./api.js";

/** @typedef {{widths?: Record<string, number>, order?: string}} Shape `order`: a column, or "-" and a column */

const PATH = "/api/v1/preferences/table-shapes";
const MAX_BYTES = 9000; // web/api/preferences.py takes 10,000. The tables changed longest ago are forgotten first.
const TOO_LARGE = 422;
const SEND_MS = 500;
const PERSON = ["org", "rep"].map((name) => document.querySelector(`meta[name="${name}"]`)?.getAttribute("content"));
const KEY = `table-shapes/${PERSON.join("/")}`;
const READ_KEY = `${KEY}/read`;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let sending;

/** @returns {{shapes: Record<string, Shape>, unsent?: string[]}} `unsent`: the tables that changed here since they were sent */
function copy() {
  return JSON.parse(localStorage.getItem(KEY) ?? '{"shapes": {}}');
}

/**
 * @param {Record<string, Shape>} shapes
 * @param {string[]} unsent
 */
function keep(shapes, unsent) {
  localStorage.setItem(KEY, JSON.stringify({ shapes, unsent }));
}

/**
 * Returns the shapes without the oldest ones that are too many.
 * @param {Record<string, Shape>} shapes
 */
function fitting(shapes) {
  const kept = { ...shapes };
  for (const name of Object.keys(kept)) {
    if (new TextEncoder().encode(JSON.stringify(kept)).length <= MAX_BYTES) break;
    delete kept[name];
  }
  return kept;
}

/**
 * Keeps the shapes after a change of one table.
 * @param {Record<string, Shape>} shapes
 * @param {string} changed
 */
function store(shapes, changed) {
  const { shapes: before, unsent = [] } = copy();
  const kept = fitting(shapes);
  const forgotten = Object.keys(before).filter((name) => !(name in kept));
  keep(kept, [...new Set([...unsent, ...forgotten, changed])]);
  sendSoon();
}

function sendSoon() {
  clearTimeout(sending);
  sending = setTimeout(() => send().catch(() => {}), SEND_MS); // The next page tries again.
}

/**
 * Sends the tables that changed here to the console. Those that changed in other browsers meanwhile stay as they are there.
 * What is not sent when the page is left, the next page sends.
 */
async function send() {
  const { shapes, unsent = [] } = copy();
  const changes = Object.fromEntries(unsent.map((name) => [name, shapes[name] ?? null]));
  /** @type {Record<string, Shape>} */
  let all;
  try {
    all = await call("PATCH", PATH, changes);
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== TOO_LARGE) throw error;
    all = await call("PUT", PATH, fitting(merged(await call("GET", PATH), changes)));
  }
  const now = copy();
  const isSent = (/** @type {string} */ name) =>
    unsent.includes(name) && JSON.stringify(now.shapes[name] ?? null) === JSON.stringify(changes[name]);
  take(
    all,
    (now.unsent ?? []).filter((name) => !isSent(name)),
  );
}

/**
 * @param {Record<string, Shape>} shapes
 * @param {Record<string, Shape | null>} changes null: the table is as it came
 * @returns {Record<string, Shape>}
 */
function merged(shapes, changes) {
  const others = Object.entries(shapes).filter(([name]) => !(name in changes));
  const changed = Object.entries(changes).filter(([, shape]) => shape !== null);
  return Object.fromEntries([...others, .../** @type {[string, Shape][]} */ (changed)]);
}

/**
 * Takes over what the console keeps, except for the tables that changed here since.
 * @param {Record<string, Shape>} kept
 * @param {string[]} unsent
 */
function take(kept, unsent) {
  const { shapes: mine } = copy();
  const shapes = merged(kept, Object.fromEntries(unsent.map((name) => [name, mine[name] ?? null])));
  keep(shapes, unsent);
  const isNew = (/** @type {string} */ name) => JSON.stringify(shapes[name]) !== JSON.stringify(mine[name]);
  if ([...Object.keys(mine), ...Object.keys(shapes)].some(isNew)) {
    document.dispatchEvent(new CustomEvent("table-shapes"));
  }
}

/** Reads what the person did in other browsers, once for each tab. */
async function read() {
  if (copy().unsent?.length) await send();
  if (sessionStorage.getItem(READ_KEY)) return;
  const shapes = await call("GET", PATH);
  sessionStorage.setItem(READ_KEY, "yes");
  take(shapes, copy().unsent ?? []);
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
    store({ ...others, [this.name]: { ...before, ...shape } }, this.name); // The newest change stands last.
  }

  reset() {
    const { [this.name]: _, ...others } = copy().shapes;
    store(others, this.name);
  }
}
