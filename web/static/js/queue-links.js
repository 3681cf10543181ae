// Keeps the call queue page up to date while queues are published. The links beside the list change in place: a reload
// would lose an open dialog and the focus. The page is reloaded only if the structure of the list itself changed, and
// not while a dialog is open.

import { fetchWithRetry } from "./api.js";
import { element, focusedIn } from "./dom.js";

const SHAPE = ["queue_id", "claimable", "columns", "outcomes", "prepared"];

/** @typedef {Record<string, any>} ListData the data that web/pages/call_queue.py writes into the page */

export class QueueLinks {
  /**
   * @param {ListData} data
   * @param {HTMLElement} links
   */
  constructor(data, links) {
    this.links = links;
    this.address = data.view ? location.pathname : `/queues/${encodeURIComponent(data.api)}`;
    this.shape = shapeOf(data);
    this.lastRequest = 0;
  }

  /** Fetches the page again and applies its changes. */
  async refresh() {
    this.lastRequest += 1;
    const request = this.lastRequest;
    const response = await fetchWithRetry(this.address, { method: "GET", headers: { accept: "text/html" } });
    if (request !== this.lastRequest) return;
    if (response.status === 404) return leave("/queues"); // The list was removed, or this person may no longer see it.
    if (!response.ok || response.redirected) return leave(location.href);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (request !== this.lastRequest) return;
    const data = JSON.parse(element("#list-data", page).textContent ?? "");
    if (shapeOf(data) !== this.shape) return leave(this.address);
    for (const id of ["standard", "custom"]) this.replace(page, id);
    for (const part of ["#list-name", "#list-name + p"]) {
      element(part).textContent = element(part, page).textContent;
    }
  }

  /**
   * @param {Document} page
   * @param {string} id of the panel with the links
   */
  replace(page, id) {
    const panel = element(`#${id}`, this.links);
    const focused = focusedIn(panel)?.getAttribute("href");
    const top = panel.querySelector("ul")?.scrollTop ?? 0;
    panel.replaceChildren(...document.adoptNode(element(`#${id}`, page)).childNodes);
    panel.querySelector("ul")?.scrollTo({ top });
    if (!focused) return;
    const link = panel.querySelector(`a[href="${CSS.escape(focused)}"]`);
    (link instanceof HTMLElement ? link : element("#list-name")).focus();
  }
}

/** @param {ListData} data */
function shapeOf(data) {
  return JSON.stringify(SHAPE.map((name) => data[name] ?? null));
}

/** @param {string} address */
function leave(address) {
  const open = document.querySelector("dialog[open]");
  if (open) open.addEventListener("close", () => leave(address), { once: true });
  else location.assign(address);
}
