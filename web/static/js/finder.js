// The box that Ctrl-K opens. It finds pages of the console, queues, and leads over all lists (Q12).

import { call } from "./api.js";
import { elements, targetOf } from "./dom.js";
import { leadCount } from "./format.js";

/**
 * One line of the box.
 * @typedef {object} Hit
 * @property {string} name
 * @property {string} where
 * @property {string} href
 */

const TYPING_MS = 150;

/** @returns {Hit[]} the pages of the navigation, and the account */
function pages() {
  const links = [...elements("header.top nav a", document, "a"), ...elements("header.top .name", document, "a")];
  return links.map((link) => {
    const isAccount = link.matches(".name");
    const name = isAccount ? "My account" : (link.firstChild?.textContent ?? "").trim();
    return { name, where: "Page", href: link.getAttribute("href") ?? "/" };
  });
}

/** Opens the box. It goes with its closing. */
function open() {
  const dialog = document.createElement("dialog");
  dialog.id = "finder";
  dialog.setAttribute("aria-labelledby", "finder-title");
  const title = Object.assign(document.createElement("h2"), { id: "finder-title", textContent: "Go to" });
  const input = Object.assign(document.createElement("input"), {
    type: "search",
    placeholder: "A page, a queue, or a lead's name or phone",
    maxLength: 200,
    autocomplete: "off",
  });
  input.setAttribute("aria-label", "Find a page, a queue or a lead");
  const list = document.createElement("ul");
  list.className = "found";
  const statusLine = Object.assign(document.createElement("p"), { className: "means" });
  statusLine.setAttribute("role", "status");
  dialog.append(title, input, list, statusLine);
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());

  /** @param {Hit[]} hits */
  const draw = (hits) => {
    list.replaceChildren(
      ...hits.map(({ name, where, href }) => {
        const line = document.createElement("li");
        const link = Object.assign(document.createElement("a"), { href });
        link.append(name, " ", Object.assign(document.createElement("small"), { textContent: where }));
        line.append(link);
        return line;
      }),
    );
    statusLine.textContent = hits.length ? "" : "Nothing has that name.";
  };

  let request = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const search = async (/** @type {string} */ text, /** @type {Hit[]} */ here, /** @type {number} */ current) => {
    const found = await call("GET", `/api/v1/find?${new URLSearchParams({ text })}`).catch(() => null);
    if (current !== request) return;
    const leads = (found?.leads ?? []).map((/** @type {Hit} */ { name, where, href }) => ({ name, where, href }));
    const queues = (found?.queues ?? []).map((/** @type {any} */ { queue_id, name, size }) => ({
      name,
      where: `Queue, ${leadCount(size)}`,
      href: `/queues/${encodeURIComponent(queue_id)}`,
    }));
    draw([...here, ...queues, ...leads]);
    if (!found) statusLine.textContent = "Leads cannot be searched now. Try again in a moment.";
  };
  input.addEventListener("input", () => {
    const text = input.value.trim();
    const here = pages().filter(({ name }) => name.toLowerCase().includes(text.toLowerCase()));
    request += 1;
    const current = request;
    clearTimeout(timer);
    draw(here);
    if (!text) return;
    statusLine.textContent = "Searching …";
    timer = setTimeout(() => search(text, here, current), TYPING_MS);
  });
  dialog.addEventListener("keydown", (event) => {
    const links = elements("a", list, "a");
    const at = links.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement));
    if (event.key === "ArrowDown") links[at + 1]?.focus();
    else if (event.key === "ArrowUp") (links[at - 1] ?? input).focus();
    else if (event.key === "Enter" && targetOf(event) === input) links[0]?.click();
    else return;
    event.preventDefault();
  });
  draw(pages());
  dialog.showModal();
  input.focus();
}

/** Makes Ctrl-K, or Cmd-K, open the box. */
export function watchFinder() {
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    event.preventDefault();
    if (!document.querySelector("dialog[open]")) open();
  });
}
