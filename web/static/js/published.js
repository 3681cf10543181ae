// What a manager publishes while a call queue is open. The queues beside the list change in place: a page that loaded
// itself anew would take an open question, the focus, and the way somebody is on elsewhere. Only where the list itself
// is another one now is the page loaded again, and not under an open dialog.

import { fetched } from "./api.js";

const SHAPE = ["queue_id", "claimable", "columns", "outcomes"];

export class Published {
  constructor(data, links) {
    this.links = links;
    this.address = data.view ? location.pathname : `/queues/${encodeURIComponent(data.api)}`;
    this.shape = shape(data);
    this.turn = 0;
  }

  async look() {
    const turn = ++this.turn;
    const answer = await fetched(this.address, { method: "GET", headers: { accept: "text/html" } });
    if (turn !== this.turn) return;
    if (answer.status === 404) return leave("/queues"); // the list is gone, or not for this person any more
    if (!answer.ok || answer.redirected) return leave(location.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (turn !== this.turn) return;
    if (shape(JSON.parse(page.getElementById("list-data").textContent)) !== this.shape) return leave(this.address);
    for (const name of ["standard", "custom"]) this.put(page, name);
    for (const part of ["#list-name", "#list-name + p"]) {
      document.querySelector(part).textContent = page.querySelector(part).textContent;
    }
  }

  put(page, name) {
    const here = this.links.querySelector(`#${name}`);
    const focused = here.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    here.replaceChildren(...document.adoptNode(page.getElementById(name)).childNodes);
    if (focused) (here.querySelector(`a[href="${CSS.escape(focused)}"]`) ?? document.getElementById("list-name")).focus();
  }
}

function shape(data) {
  return JSON.stringify(SHAPE.map((name) => data[name] ?? null));
}

function leave(address) {
  const open = document.querySelector("dialog[open]");
  if (!open) return location.assign(address);
  open.addEventListener("close", () => leave(address), { once: true });
}
