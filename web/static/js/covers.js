// Marks a box that is narrower than its table (`wide`), and while columns are hidden behind the cells that stay in sight
// at its right edge (`covers`).

const PIXEL = 1; // Widths are rounded.

/** @param {Element | null} box */
export function watchCovers(box) {
  const table = box?.querySelector("table");
  if (!box || !table) return;
  const show = () => {
    const hidden = box.scrollWidth - box.clientWidth;
    box.classList.toggle("wide", hidden > PIXEL);
    box.classList.toggle("covers", hidden - box.scrollLeft > PIXEL);
  };
  const watcher = new ResizeObserver(show);
  watcher.observe(box);
  watcher.observe(table);
  box.addEventListener("scroll", show, { passive: true });
}
