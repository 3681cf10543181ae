// The strip at the page's top. On a phone, offers and the answer to a claim stand beside each other, and only one of them
// is in sight: the newer one. A ring lasts for seconds, so nobody may have to look for it.

import { element } from "./dom.js";

const NARROW = matchMedia("(max-width: 48rem)"); // as in offers.css
const CALM_MS = 1000; // So long after a touch of the strip nothing moves in it.
const GUARD_MS = 700; // So long what has just moved into sight takes no touch, which was meant for what was there before.

let touchedAt = Number.NEGATIVE_INFINITY;

/**
 * Moves a part of the strip into sight, on a phone. Elsewhere all parts are, and to ask for it would cost a layout.
 * @param {HTMLElement} part
 */
export function showInStrip(part) {
  if (NARROW.matches && part.parentElement) part.parentElement.scrollLeft = part.offsetLeft;
}

function showOffers() {
  const offers = element("#offers");
  const strip = offers.parentElement;
  if (!strip || offers.hidden || strip.scrollLeft < offers.offsetLeft + offers.offsetWidth / 2) return;
  offers.inert = true;
  setTimeout(() => {
    offers.inert = false;
  }, GUARD_MS);
  showInStrip(offers);
}

document.querySelector(".strip")?.addEventListener("pointerdown", () => {
  touchedAt = performance.now();
});
document.addEventListener("offer:new", () => {
  if (NARROW.matches) setTimeout(showOffers, Math.max(0, touchedAt + CALM_MS - performance.now()));
});
