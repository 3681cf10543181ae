// The widths of a list's columns: by dragging the edge of a heading, or by Alt and an arrow key on it. The browser keeps
// them for each list.

const LEAST_PX = 48;
const MOST_PX = 800;
const STEP_PX = 16;

export class ColumnWidths {
  /** @param {string} list names the list */
  constructor(list) {
    this.key = `column-widths/${list}`;
    /** @type {Record<string, number>} pixels by column */
    this.widths = JSON.parse(localStorage.getItem(this.key) ?? "{}");
  }

  /**
   * Gives a heading its width, and lets the person change it.
   * @param {HTMLTableCellElement} cell
   * @param {string} name of the column
   */
  apply(cell, name) {
    this.show(cell, name);
    const edge = document.createElement("span");
    edge.className = "edge";
    edge.setAttribute("aria-hidden", "true");
    edge.title = "Drag to change the width";
    cell.append(edge);
    edge.addEventListener("pointerdown", (event) => this.drag(event, cell, name));
    cell.addEventListener("keydown", (event) => {
      const step = { ArrowRight: STEP_PX, ArrowLeft: -STEP_PX }[event.key];
      if (!event.altKey || !step) return;
      event.preventDefault();
      this.set(cell, name, cell.offsetWidth + step);
    });
  }

  /**
   * @param {PointerEvent} event
   * @param {HTMLTableCellElement} cell
   * @param {string} name
   */
  drag(event, cell, name) {
    event.preventDefault();
    const from = event.clientX;
    const before = cell.offsetWidth;
    const listeners = new AbortController();
    const { signal } = listeners;
    document.addEventListener("pointermove", (move) => this.set(cell, name, before + move.clientX - from), { signal });
    for (const end of ["pointerup", "pointercancel"]) {
      document.addEventListener(end, () => listeners.abort(), { signal });
    }
  }

  /**
   * @param {HTMLTableCellElement} cell
   * @param {string} name
   * @param {number} width
   */
  set(cell, name, width) {
    this.widths[name] = Math.round(Math.min(MOST_PX, Math.max(LEAST_PX, width)));
    localStorage.setItem(this.key, JSON.stringify(this.widths));
    this.show(cell, name);
  }

  /**
   * @param {HTMLTableCellElement} cell
   * @param {string} name
   */
  show(cell, name) {
    const width = this.widths[name];
    if (!width) return;
    cell.style.width = `${width}px`;
    cell.style.minWidth = `${width}px`;
    cell.style.maxWidth = `${width}px`;
  }
}
