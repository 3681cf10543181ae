// The side list of queues, for an org with many: a search by name, and the chosen one in sight. On a phone the list is
// behind a button, so that the rows are on the first screen.

import { element, elements } from "./dom.js";

const FEW = 8; // A list of so many needs no search.

/**
 * Hides the headings of the kinds of which no queue is found.
 * @param {HTMLElement} aside
 */
function hideEmptyKinds(aside) {
  /** @type {HTMLElement | null} */
  let kind = null;
  for (const item of elements("ul li", aside, "li")) {
    if (item.classList.contains("kind")) {
      kind = item;
      kind.hidden = true;
    } else if (kind && !item.hidden) kind.hidden = false;
  }
}

/**
 * Sets up the side list.
 * @param {HTMLElement} aside
 * @returns {() => void} call it after the list's links have changed
 */
export function setUpQueueFilter(aside) {
  const search = aside.querySelector("[data-find-queue]");
  const toggle = aside.querySelector("[data-show-queues]");
  const apply = () => {
    const items = elements("ul li", aside, "li").filter((item) => item.querySelector("a"));
    if (search instanceof HTMLInputElement) {
      search.hidden = items.length <= FEW;
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const item of items) {
        const text = (item.textContent ?? "").toLowerCase();
        item.hidden = !words.every((word) => text.includes(word));
      }
      hideEmptyKinds(aside);
    }
    if (toggle) {
      const chosen = aside.querySelector("a[aria-current=true]");
      const name = (chosen?.firstChild?.textContent ?? "").trim();
      element("[data-chosen-queue]", aside).textContent = name || "Choose a queue";
    }
  };
  search?.addEventListener("input", apply);
  toggle?.addEventListener("click", () => {
    const isOpen = aside.classList.toggle("open");
    toggle.setAttribute("aria-expanded", String(isOpen));
  });
  apply();
  // Only the list itself scrolls, not the page.
  const chosen = aside.querySelector("a[aria-current=true]");
  const list = chosen?.closest("ul");
  if (chosen instanceof HTMLElement && list) {
    const top = chosen.offsetTop; // from the top of the list, which is its offset parent
    if (top < list.scrollTop || top > list.scrollTop + list.clientHeight) list.scrollTop = top - list.clientHeight / 2;
  }
  return apply;
}
