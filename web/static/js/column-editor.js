// The dialog to choose a list's columns and their order. It works without a mouse.

import { element, elements, finder } from "./dom.js";

/** @import { Column } from "./types.d.ts" */

const dialog = element("#columns", document, "dialog");
const find = finder(dialog);
const list = find("[data-list]");

/**
 * Lets the person choose columns.
 * @param {Column[]} columns all there are
 * @param {string[]} visible
 * @param {string[]} standard the columns that are visible by default
 * @returns {Promise<string[] | null>} the names in order; null if the dialog was cancelled
 */
export function editColumns(columns, visible, standard) {
  /** @param {string[]} shown */
  const fill = (shown) => {
    const first = shown.map((name) => columns.find((column) => column.name === name));
    const rest = columns.filter((column) => !shown.includes(column.name));
    const items = first.filter((column) => column !== undefined).map((column) => item(column, true));
    list.replaceChildren(...items, ...rest.map((column) => item(column, false)));
  };
  return new Promise((resolve) => {
    const listeners = new AbortController();
    const { signal } = listeners;
    /** @param {string[] | null} result */
    const end = (result) => {
      listeners.abort();
      if (dialog.open) dialog.close();
      resolve(result);
    };
    find("[data-standard]").addEventListener("click", () => fill(standard), { signal });
    find("[data-cancel]").addEventListener("click", () => end(null), { signal });
    find("[data-ok]").addEventListener(
      "click",
      () => {
        const names = elements("input:checked", list, "input").map((box) => box.value);
        end(names.length ? names : standard);
      },
      { signal },
    );
    dialog.addEventListener("close", () => end(null), { signal });
    fill(visible);
    dialog.showModal();
    element("input", list).focus();
  });
}

/**
 * @param {Column} column
 * @param {boolean} isShown
 */
function item(column, isShown) {
  const line = document.createElement("li");
  line.dataset.name = column.name;
  const label = document.createElement("label");
  const box = document.createElement("input");
  Object.assign(box, { type: "checkbox", value: column.name, checked: isShown });
  label.append(box, ` ${column.label}`);
  line.append(label, mover(line, column, "up", "↑"), mover(line, column, "down", "↓"));
  return line;
}

/**
 * @param {HTMLElement} line
 * @param {Column} column
 * @param {"up" | "down"} direction
 * @param {string} sign
 */
function mover(line, column, direction, sign) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = sign;
  button.setAttribute("aria-label", `Move ${column.label} ${direction}`);
  button.addEventListener("click", () => {
    if (direction === "up") line.previousElementSibling?.before(line);
    else line.nextElementSibling?.after(line);
    button.focus();
  });
  return button;
}
