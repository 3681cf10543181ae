// The widths of a table's columns: by dragging the edge of a heading, or by the arrow keys on it.

const MIN_PX = 48;
const MAX_PX = 800;
const STEP_PX = 16;

/** @import { TableShape } from "./table-shape.js" */

export class ColumnWidths {
  /**
   * @param {TableShape} shape
   * @param {() => void} [onChange]
   */
  constructor(shape, onChange = () => {}) {
    this.shape = shape;
    this.onChange = onChange;
  }

  /**
   * Gives a heading its width, and an edge to change it with.
   * @param {HTMLTableCellElement} cell
   * @param {string} name of the column
   * @param {string} label
   */
  apply(cell, name, label) {
    const edge = document.createElement("span");
    edge.className = "edge";
    edge.tabIndex = 0;
    edge.role = "separator";
    edge.title = "Drag to change the width. A double click gives the usual one.";
    edge.setAttribute("aria-orientation", "vertical");
    edge.setAttribute("aria-label", `Width of ${label}`);
    edge.setAttribute("aria-valuemin", String(MIN_PX));
    edge.setAttribute("aria-valuemax", String(MAX_PX));
    cell.classList.add("shaped");
    cell.setAttribute("aria-label", label); // without the edge's
    cell.append(edge);
    this.show(cell, name);
    edge.addEventListener("focus", () => this.tell(cell));
    edge.addEventListener("pointerdown", (event) => this.drag(event, cell, name));
    edge.addEventListener("dblclick", () => this.set(cell, name, null));
    cell.addEventListener("keydown", (event) => {
      if (event.target !== edge && !event.altKey) return;
      const step = { ArrowRight: STEP_PX, ArrowLeft: -STEP_PX }[event.key];
      const end = { Home: MIN_PX, End: MAX_PX }[event.key];
      if (step) this.set(cell, name, cell.offsetWidth + step);
      else if (event.target === edge && end) this.set(cell, name, end);
      else if (event.target === edge && event.key === "Delete") this.set(cell, name, null);
      else return;
      event.preventDefault();
      event.stopPropagation();
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
   * @param {number | null} width null: the usual one
   */
  set(cell, name, width) {
    const { [name]: _, ...others } = this.shape.shape.widths ?? {};
    const widths =
      width === null ? others : { ...others, [name]: Math.round(Math.min(MAX_PX, Math.max(MIN_PX, width))) };
    this.shape.change({ widths });
    this.show(cell, name);
    this.onChange();
  }

  /**
   * Shows the width of a column: the person's, or the usual one.
   * @param {HTMLTableCellElement} cell
   * @param {string} name
   */
  show(cell, name) {
    const width = this.shape.shape.widths?.[name];
    for (const property of ["width", "min-width", "max-width"]) {
      cell.style.setProperty(property, width ? `${width}px` : "");
    }
    if (cell.isConnected) this.tell(cell);
    else cell.querySelector(".edge")?.setAttribute("aria-valuenow", String(width ?? MIN_PX));
  }

  /**
   * Tells a screen reader how wide a column is.
   * @param {HTMLTableCellElement} cell
   */
  tell(cell) {
    const width = Math.min(MAX_PX, Math.max(MIN_PX, cell.offsetWidth));
    const edge = cell.querySelector(".edge");
    edge?.setAttribute("aria-valuenow", String(width));
    edge?.setAttribute("aria-valuetext", `${width} pixels`);
  }
}
