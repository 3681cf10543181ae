// The page's stream of changes. It shows a lost connection; after reconnecting, the page gets a full snapshot.
//
// Each event is also dispatched on the document (`live:list` and so on), so that a page needs only one connection.

const RECONNECT_MS = 2000;
const SILENT_MS = 2500; // The server sends a beat each second.
const DEAD_MS = 10_000; // A stream that is silent for so long is opened again.
const CHECK_MS = 250;
const LOST = "Connection lost. Trying again …";

/** @typedef {(data: any, id?: string) => void} Handler */

export class Live {
  static started = false;

  /** @param {Record<string, string | string[]>} query of /api/v1/live */
  constructor(query) {
    this.query = query;
    /** @type {Record<string, Handler[]>} */
    this.handlers = {};
    /** @type {EventSource | null} */
    this.source = null;
    this.heardAt = 0;
    this.isWatching = false;
  }

  /**
   * Calls `handler` for each event of this name: those of the stream, and `open`.
   * @param {string} event
   * @param {Handler} handler
   */
  on(event, handler) {
    this.handlers[event] ??= [];
    this.handlers[event].push(handler);
    return this;
  }

  /** @param {string} [after] the newest entry that the page already contains */
  start(after) {
    Live.started = true;
    const address = new URL("/api/v1/live", location.href);
    for (const [name, values] of Object.entries(this.query)) {
      for (const value of [values].flat()) address.searchParams.append(name, value);
    }
    // Every page shows offers, so it also listens to the person's own queue.
    if (address.searchParams.has("queue")) address.searchParams.append("queue", "mine");
    if (after) address.searchParams.set("after", after);
    this.source?.close();
    const source = new EventSource(address);
    this.source = source;
    this.heardAt = performance.now();
    this.watch();
    source.onopen = () => {
      this.hear();
      this.dispatch("open", {});
    };
    source.onerror = () => {
      showConnection(LOST);
      // A browser does not reconnect after an error response.
      if (source.readyState === EventSource.CLOSED) {
        setTimeout(() => this.source === source && this.start(), RECONNECT_MS);
      }
    };
    for (const event of [
      "list",
      "claiming",
      "queues",
      "leads",
      "acted",
      "moved",
      "calls",
      "exceptions",
      "directory",
      "operations",
      "dead_letters",
    ]) {
      source.addEventListener(event, (message) => {
        this.hear();
        this.dispatch(event, JSON.parse(message.data), message.lastEventId);
      });
    }
    source.addEventListener("beat", () => this.hear());
    source.addEventListener("signed-out", () => location.assign("/signed-out"));
  }

  hear() {
    this.heardAt = performance.now();
    showConnection(null);
  }

  /** Says that the connection is lost when the stream is silent, or when the browser is offline. */
  watch() {
    if (this.isWatching) return;
    this.isWatching = true;
    addEventListener("offline", () => showConnection("You are offline. Trying again …"));
    addEventListener("online", () => this.start());
    this.check();
  }

  /** Looks again when the stream may have been silent for too long: hardly ever while it speaks. */
  check() {
    const silentMs = performance.now() - this.heardAt;
    setTimeout(() => this.check(), Math.max(CHECK_MS, SILENT_MS - silentMs));
    if (silentMs > SILENT_MS && !isLost()) showConnection(LOST);
    if (silentMs > DEAD_MS && navigator.onLine && this.source?.readyState === EventSource.OPEN) this.start();
  }

  /**
   * @param {string} event
   * @param {any} data
   * @param {string} [id]
   */
  dispatch(event, data, id) {
    for (const handler of this.handlers[event] ?? []) handler(data, id);
    document.dispatchEvent(new CustomEvent(`live:${event}`, { detail: { data, id } }));
  }
}

/** @param {string | null} text null if the connection works */
function showConnection(text) {
  const banner = document.getElementById("connection");
  if (!banner || banner.textContent === (text ?? "")) return;
  banner.hidden = text === null;
  banner.textContent = text ?? "";
  document.dispatchEvent(new CustomEvent("connection", { detail: { isLost: text !== null } }));
}

/** Says whether the page's connection is lost now. */
export function isLost() {
  return document.getElementById("connection")?.textContent !== "";
}

/**
 * Tells whether one entry of the feed is newer than another.
 * @param {string} a
 * @param {string} b
 */
export function isAfter(a, b) {
  const [aTime, aNumber] = a.split("-").map(Number);
  const [bTime, bNumber] = b.split("-").map(Number);
  return aTime > bTime || (aTime === bTime && (aNumber || 0) > (bNumber || 0));
}
