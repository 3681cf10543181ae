// How close the rows of lists stand. The browser keeps the choice for all lists.

const KEY = "list-density";

/** @param {Element} button */
function show(button) {
  const isCompact = localStorage.getItem(KEY) === "compact";
  document.documentElement.dataset.density = isCompact ? "compact" : "roomy";
  button.setAttribute("aria-pressed", String(isCompact));
}

/** Makes the button of a list change the density, if there is one. */
export function setUpDensity() {
  const button = document.querySelector("[data-density-button]");
  if (!button) return;
  show(button);
  button.addEventListener("click", () => {
    localStorage.setItem(KEY, localStorage.getItem(KEY) === "compact" ? "roomy" : "compact");
    show(button);
  });
}
