// One stream of changes for the page. A lost connection is shown, and healed with a full snapshot.
//
// What a page hears is told to the whole document, too (`live:list` and so on), so that a page has one connection.

export class Live {
  constructor(query) {
    this.query = query;
    this.handlers = {};
    this.source = null;
    this.heard = 0;
  }

  on(event, handler) {
    (this.handlers[event] ??= []).push(handler);
    return this;
  }

  start(after) {
    Live.started = true;
    const address = new URL("/api/v1/live", location.href);
    for (const [name, values] of Object.entries(this.query)) {
      for (const value of [values].flat()) address.searchParams.append(name, value);
    }
    // Offers are shown on every page, whatever else it looks at.
    if (address.searchParams.has("queue")) address.searchParams.append("queue", "mine");
    if (after) address.searchParams.set("after", after);
    this.source?.close();
    const source = (this.source = new EventSource(address));
    source.onopen = () => {
      this.heard = Date.now();
      shown(null);
      this.tell("open", {});
    };
    source.onerror = () => {
      shown("Connection lost. Trying again …");
      this.tell("lost", {});
      // A browser gives up for good when the answer was an error.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.source === source && this.start(), 2000);
    };
    for (const event of ["list", "queues", "leads", "exceptions", "directory", "operations"]) {
      source.addEventListener(event, (message) => {
        this.heard = Date.now();
        this.tell(event, JSON.parse(message.data), message.lastEventId);
      });
    }
    source.addEventListener("signed-out", () => location.assign("/signed-out"));
  }

  tell(event, data, id) {
    for (const handler of this.handlers[event] ?? []) handler(data, id);
    document.dispatchEvent(new CustomEvent(`live:${event}`, { detail: { data, id } }));
  }
}

function shown(text) {
  const place = document.getElementById("connection");
  if (!place) return;
  place.hidden = text === null;
  place.textContent = text ?? "";
}

export function after(a, b) {
  const [am, as] = a.split("-").map(Number);
  const [bm, bs] = b.split("-").map(Number);
  return am > bm || (am === bm && (as || 0) > (bs || 0));
}
