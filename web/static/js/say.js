// Shows short messages at the edge of the page. Screen readers announce them.

import { element } from "./dom.js";

/**
 * @param {string} text
 * @param {number} [milliseconds] how long it stays
 */
export function say(text, milliseconds = 6000) {
  const line = document.createElement("p");
  line.textContent = text;
  element("#said").append(line);
  setTimeout(() => line.remove(), milliseconds);
}
