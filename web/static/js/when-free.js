// Delays what would move the page's content while the pointer, or the keyboard's focus in a list, is in it.

const main = document.querySelector("#main");
const isBusy = () => main?.matches(":hover") || document.querySelector("#main tbody :focus-visible") !== null;
/** @type {Map<string, () => void>} */
const waiting = new Map();

/**
 * Runs a change that moves the content: now, or when the pointer and the focus have left it.
 * @param {string} what a later change of the same replaces one that waits
 * @param {() => void} change
 */
export function whenFree(what, change) {
  waiting.delete(what);
  if (isBusy()) waiting.set(what, change);
  else change();
}

function release() {
  if (isBusy()) return;
  for (const change of waiting.values()) change();
  waiting.clear();
}
main?.addEventListener("pointerleave", release);
main?.addEventListener("focusout", () => queueMicrotask(release));
