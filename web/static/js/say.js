// Shows short messages at the edge of the page. Screen readers announce them.

import { element } from "./dom.js";

/**
 * @param {string} text
 * @param {number} [milliseconds] how long it stays
 * @returns {HTMLElement} the message; it may be removed earlier
 */
export function say(text, milliseconds = 6000) {
  const line = document.createElement("p");
  line.textContent = text;
  element("#said").append(line);
  setTimeout(() => line.remove(), milliseconds);
  return line;
}
