// Lines over time as SVG: it takes the page's colours, dark and light, and costs no library. The same numbers stand in a
// table beside it, so the picture itself is one image with a summary to screen readers.

const NS = "http://www.w3.org/2000/svg";
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const HEIGHT = 220;
const EDGE = { left: 44, right: 12, top: 10, bottom: 22 };

function make(name, attributes = {}, text) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// The next of 1, 2, 4, 8, 12, 20, 40 … that is not below a value: a quarter of it is a round number, too.
function nice(value) {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1.2, 2, 4, 8, 12].find((step) => step * power >= value) * power;
}

export class Plot {
  // `series`: names in order; `unit`: how a value is written; `label`: what the picture shows.
  constructor(place, { series, label, unit = (value) => String(value) }) {
    Object.assign(this, { place, series, label, unit, points: [] });
    this.svg = make("svg", { role: "img" });
    place.append(this.svg, this.legend());
    new ResizeObserver(() => this.draw()).observe(place);
  }

  legend() {
    const list = document.createElement("ul");
    list.className = "legend";
    this.series.forEach((name, n) => {
      const line = document.createElement("li");
      const mark = make("svg", { "aria-hidden": "true", viewBox: "0 0 26 10" });
      mark.append(make("path", { class: `s${n} dash${n % 4}`, d: "M0 5H26" }));
      line.append(mark, name);
      list.append(line);
    });
    return list;
  }

  // `points`: [{at: milliseconds, values: [number | null, …]}] in order of time.
  show(points) {
    this.points = points;
    this.draw();
  }

  draw() {
    const width = Math.max(200, this.place.clientWidth);
    const values = this.points.flatMap((point) => point.values.filter((value) => value !== null));
    const highest = nice(Math.max(...values, 1));
    const [first, last] = [this.points[0]?.at ?? 0, this.points.at(-1)?.at ?? 1];
    const x = (at) => EDGE.left + ((at - first) / Math.max(1, last - first)) * (width - EDGE.left - EDGE.right);
    const y = (value) => HEIGHT - EDGE.bottom - (value / highest) * (HEIGHT - EDGE.top - EDGE.bottom);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.svg.setAttribute("aria-label", this.summary());
    const parts = [];
    for (let step = 0; step <= 4; step += 1) {
      const value = (highest * step) / 4;
      if (highest < 4 && !Number.isInteger(value)) continue;
      parts.push(make("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value) }));
      parts.push(make("text", { x: EDGE.left - 6, y: y(value) + 4, "text-anchor": "end" }, this.unit(value)));
    }
    const marks = Math.max(2, Math.floor(width / 160));
    for (let n = 0; n < marks && this.points.length > 1; n += 1) {
      const at = first + ((last - first) * n) / (marks - 1);
      const anchor = n === 0 ? "start" : n === marks - 1 ? "end" : "middle";
      parts.push(make("text", { x: x(at), y: HEIGHT - 5, "text-anchor": anchor }, CLOCK.format(at)));
    }
    this.series.forEach((name, n) => {
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
      parts.push(make("path", { class: `s${n} dash${n % 4}`, d: path }));
      // A minute between two without a value is a point, not a line.
      this.points.forEach((point, p) => {
        const alone = (this.points[p - 1]?.values[n] ?? null) === null && (this.points[p + 1]?.values[n] ?? null) === null;
        if (point.values[n] !== null && alone)
          parts.push(make("circle", { class: `s${n}`, cx: x(point.at), cy: y(point.values[n]), r: 3 }));
      });
    });
    this.svg.replaceChildren(...parts);
  }

  summary() {
    if (!this.points.length) return `${this.label}: nothing yet`;
    const newest = this.points.at(-1).values;
    const now = this.series.map((name, n) => `${name} ${newest[n] === null ? "none" : this.unit(newest[n])}`);
    const most = this.series.map((name, n) => {
      const values = this.points.map((point) => point.values[n]).filter((value) => value !== null);
      return `${name} ${values.length ? this.unit(Math.max(...values)) : "none"}`;
    });
    return `${this.label}, until ${CLOCK.format(this.points.at(-1).at)}. Newest: ${now.join(", ")}. Highest: ${most.join(", ")}. The table below has every value.`;
  }
}
