// Marks a box that scrolls sideways while columns are hidden behind the cells that stay in sight at its right edge.

const PIXEL = 1; // Widths are rounded.

/** @param {Element | null} box */
export function watchCovers(box) {
  const table = box?.querySelector("table");
  if (!box || !table) return;
  const show = () => box.classList.toggle("covers", box.scrollWidth - box.clientWidth - box.scrollLeft > PIXEL);
  const watcher = new ResizeObserver(show);
  watcher.observe(box);
  watcher.observe(table);
  box.addEventListener("scroll", show, { passive: true });
}
