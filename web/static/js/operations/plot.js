// Draws lines over time as SVG, in the page's colours, dark and light. A table beside the plot has the same numbers, so
// the plot is a single image with a summary for screen readers.

/** @typedef {{at: number, values: (number | null)[]}} Point `at` in milliseconds, one value for each series */

const NS = "http://www.w3.org/2000/svg";
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const HEIGHT = 220;
const EDGE = { left: 44, right: 12, top: 10, bottom: 22 };

/**
 * @param {string} name
 * @param {Record<string, string | number>} [attributes]
 * @param {string} [text]
 */
function svg(name, attributes = {}, text) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  if (text !== undefined) node.textContent = text;
  return node;
}

/**
 * Returns the next of 1, 2, 4, 8, 12, 20, 40 … that is not below a value, so that a quarter of it is also round.
 * @param {number} value
 */
function roundedUp(value) {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1.2, 2, 4, 8].find((step) => step * power >= value) ?? 12) * power;
}

export class Plot {
  /**
   * @param {HTMLElement} container
   * @param {object} options
   * @param {string[]} options.series the names, in order
   * @param {string} options.label what the plot shows
   * @param {(value: number) => string} [options.unit] formats a value
   */
  constructor(container, { series, label, unit = String }) {
    this.container = container;
    this.series = series;
    this.label = label;
    this.unit = unit;
    /** @type {Point[]} */
    this.points = [];
    this.svg = svg("svg", { role: "img" });
    container.append(this.svg, this.legend());
    new ResizeObserver(() => this.draw()).observe(container);
  }

  legend() {
    const list = document.createElement("ul");
    list.className = "legend";
    this.series.forEach((name, n) => {
      const line = document.createElement("li");
      const mark = svg("svg", { "aria-hidden": "true", viewBox: "0 0 26 10" });
      mark.append(svg("path", { class: `s${n} dash${n % 4}`, d: "M0 5H26" }));
      line.append(mark, name);
      list.append(line);
    });
    return list;
  }

  /** @param {Point[]} points in order of time */
  show(points) {
    this.points = points;
    this.draw();
  }

  draw() {
    const width = Math.max(200, this.container.clientWidth);
    const values = this.points.flatMap((point) => point.values);
    const highest = roundedUp(Math.max(...values.filter((value) => value !== null), 1));
    const [first, last] = [this.points[0]?.at ?? 0, this.points.at(-1)?.at ?? 1];
    /** @param {number} at */
    const x = (at) => EDGE.left + ((at - first) / Math.max(1, last - first)) * (width - EDGE.left - EDGE.right);
    /** @param {number} value */
    const y = (value) => HEIGHT - EDGE.bottom - (value / highest) * (HEIGHT - EDGE.top - EDGE.bottom);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.svg.setAttribute("aria-label", this.summary());
    const parts = [];
    for (let step = 0; step <= 4; step += 1) {
      const value = (highest * step) / 4;
      if (highest < 4 && !Number.isInteger(value)) continue;
      parts.push(svg("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value) }));
      parts.push(svg("text", { x: EDGE.left - 6, y: y(value) + 4, "text-anchor": "end" }, this.unit(value)));
    }
    const marks = Math.max(2, Math.floor(width / 160));
    for (let n = 0; n < marks && this.points.length > 1; n += 1) {
      const at = first + ((last - first) * n) / (marks - 1);
      const anchor = n === 0 ? "start" : n === marks - 1 ? "end" : "middle";
      parts.push(svg("text", { x: x(at), y: HEIGHT - 5, "text-anchor": anchor }, CLOCK.format(at)));
    }
    for (const n of this.series.keys()) {
      let path = "";
      let pen = false;
      for (const point of this.points) {
        const value = point.values[n];
        if (value === null) {
          pen = false;
          continue;
        }
        path += `${pen ? "L" : "M"}${x(point.at).toFixed(1)} ${y(value).toFixed(1)}`;
        pen = true;
      }
      parts.push(svg("path", { class: `s${n} dash${n % 4}`, d: path }));
      // A value between two missing values is a point, not a line.
      for (const [p, point] of this.points.entries()) {
        const value = point.values[n];
        const alone =
          (this.points[p - 1]?.values[n] ?? null) === null && (this.points[p + 1]?.values[n] ?? null) === null;
        if (value !== null && alone) parts.push(svg("circle", { class: `s${n}`, cx: x(point.at), cy: y(value), r: 3 }));
      }
    }
    this.svg.replaceChildren(...parts);
  }

  summary() {
    const newest = this.points.at(-1);
    if (!newest) return `${this.label}: nothing yet`;
    /** @param {number | null} value */
    const written = (value) => (value === null ? "none" : this.unit(value));
    const now = this.series.map((name, n) => `${name} ${written(newest.values[n])}`);
    const most = this.series.map((name, n) => {
      const values = this.points.map((point) => point.values[n]).filter((value) => value !== null);
      return `${name} ${written(values.length ? Math.max(...values) : null)}`;
    });
    const until = CLOCK.format(newest.at);
    return `${this.label}, until ${until}. Newest: ${now.join(", ")}. Highest: ${most.join(", ")}. The table below has every value.`;
  }
}
