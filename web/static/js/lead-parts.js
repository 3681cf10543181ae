// Fetches the server-rendered parts of the lead page, and adds local times, numbers and the time left in the browser.

import { elements } from "./dom.js";
import { dateAndTime, localised, timeLeft, valueText } from "./format.js";
import { drawCallTime } from "./row-times.js";

/**
 * Fetches the lead, or its earlier history, as HTML.
 * @param {{lead_id: string, queue?: string}} data of the page
 * @param {Record<string, string>} parameters
 * @returns {Promise<{isVisible: boolean, html: string}>} if the lead is not visible, the HTML says why
 * @throws {Error} if the server sends any other response
 */
export async function fetchPart({ lead_id, queue }, parameters) {
  const query = new URLSearchParams(parameters);
  if (queue) query.set("queue", queue);
  // Without text/html in `accept`, an error comes as JSON instead of a whole page.
  const response = await fetch(`/leads/${lead_id}/shown?${query}`, { headers: { accept: "*/*" } });
  if (response.status === 401) location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
  const isHtml = response.headers.get("content-type")?.startsWith("text/html");
  if (!isHtml) throw new Error((await response.json()).detail);
  return { isVisible: response.ok, html: await response.text() };
}

/**
 * Returns the version of the lead in a part of the page; 0 if it shows none.
 * @param {string} html
 */
export function versionIn(html) {
  const part = document.createElement("template");
  part.innerHTML = html;
  const lead = part.content.querySelector("[data-version]");
  return lead instanceof HTMLElement ? Number(lead.dataset.version) : 0;
}

/**
 * Formats times, numbers and choices in the reader's locale.
 * @param {HTMLElement} root
 */
export function localise(root) {
  for (const time of elements("time", root, "time")) {
    time.textContent = dateAndTime(time.dateTime);
    time.title = time.dateTime;
  }
  for (const line of root.querySelectorAll(".text, .why, .lead-history details li, [data-why]")) {
    const texts = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode;
      text.textContent = localised(text.textContent ?? "");
    }
  }
  showCallTime(root);
  for (const cell of [...elements("dd[data-type]", root, "dd"), ...elements("span[data-type]", root, "span")]) {
    const { type = "", fact: name = "" } = cell.dataset;
    const text = cell.textContent ?? "";
    if (text === "empty") continue; // a corrected field that had, or has, no value
    const isNumber = type === "number" || type === "integer";
    const value = type === "boolean" ? text === "True" : isNumber ? Number(text) : text;
    cell.textContent = valueText({ type, name }, value);
  }
}

/**
 * Shows what time it is where the lead is.
 * @param {HTMLElement} root
 */
function showCallTime(root) {
  for (const span of elements("[data-call-time]", root, "span")) {
    drawCallTime(span, JSON.parse(span.dataset.callTime ?? "null"));
  }
}

/**
 * Shows the remaining time of locks and offers.
 * @param {HTMLElement} root
 * @param {(line: HTMLElement) => void} onEnd is called once for each one that ends
 */
export function showTimeLeft(root, onEnd) {
  for (const line of elements("[data-until]", root, "p")) {
    const left = timeLeft(line.dataset.until);
    const shown = line.querySelector("[data-left]");
    if (left !== null) {
      if (shown) shown.textContent = left;
    } else if (line.dataset.over !== "yes") {
      line.dataset.over = "yes";
      line.classList.add("over");
      onEnd(line);
    }
  }
}

/**
 * Shows that the person no longer has the lead, with a link back.
 * @param {HTMLElement} container of the lead
 * @param {HTMLAnchorElement} back
 * @param {string} name
 * @param {string} done
 */
export function showGone(container, back, name, done) {
  const card = document.createElement("article");
  card.className = "card done";
  const title = Object.assign(document.createElement("h1"), { textContent: name });
  const text = Object.assign(document.createElement("p"), { textContent: done });
  text.setAttribute("role", "status");
  const link = document.createElement("a");
  Object.assign(link, { className: "button primary", href: back.href, textContent: back.textContent });
  card.append(title, text, link);
  container.replaceChildren(card);
  link.focus();
}
