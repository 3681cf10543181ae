// The hours of a week, by day: start and end times, and a bar per day. A span with an earlier `to` ends the next day.

import { element } from "../dom.js";
import { say } from "../say.js";
import { button, field, framed, make } from "./fields.js";

/** @typedef {{from: string, to: string}} Hours */
/** @typedef {{days: string[]} & Hours} Span the same hours on several days */
/** @typedef {{hint: string, none: string, some: string, empty: string}} Texts of the choice, and of no hours */

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const NAMES = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const WEEKDAYS = DAYS.slice(0, 5);

/**
 * Returns the hours of each day.
 * @param {Span[] | undefined} spans
 * @returns {Record<string, Hours[]>}
 */
function byDay(spans) {
  return Object.fromEntries(
    DAYS.map((day) => [
      day,
      (spans ?? []).filter((span) => span.days.includes(day)).map(({ from, to }) => ({ from, to })),
    ]),
  );
}

/**
 * Returns the spans. The same hours on several days form one span.
 * @param {Record<string, Hours[]>} days
 */
function bySpan(days) {
  /** @type {Map<string, Span>} */
  const spans = new Map();
  for (const day of DAYS) {
    for (const { from, to } of days[day]) {
      const key = `${from} ${to}`;
      const span = spans.get(key) ?? { days: [], from, to };
      span.days.push(day);
      spans.set(key, span);
    }
  }
  return [...spans.values()];
}

/** @param {string} clock */
const minutes = (clock) => (clock ? Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3)) : 0);
/** @param {Hours} hours */
const crossesMidnight = ({ from, to }) => Boolean(from && to) && to !== "24:00" && minutes(to) <= minutes(from);

/**
 * @param {string} name
 * @param {string} legend
 * @param {Span[] | undefined} value undefined: no hours were chosen
 * @param {Texts} texts
 */
export function week(name, legend, value, { hint, none, some, empty }) {
  const { node, container } = framed(name, legend, hint);
  const days = byDay(value);
  const mode = make(
    "select",
    { "aria-label": legend },
    make("option", { value: "", textContent: none }),
    make("option", { value: "some", textContent: some }),
  );
  mode.value = value === undefined ? "" : "some";
  const grid = make("div", { className: "week" });
  const remark = make("p", { className: "hint", textContent: empty });
  container.append(mode, grid, remark);
  const touch = () => node.dispatchEvent(new Event("change"));

  function show() {
    grid.hidden = mode.value === "";
    grid.replaceChildren(...DAYS.map(line));
    remark.hidden = grid.hidden || DAYS.some((day) => days[day].length);
  }

  /**
   * @param {string} day
   * @param {number} n
   */
  function line(day, n) {
    const spans = days[day].map((span, s) => spanOf(day, n, span, s));
    const add = button("Add hours", () => {
      const last = days[day].at(-1);
      days[day].push(last && last.to < "20:00" ? { from: last.to, to: "20:00" } : { from: "09:00", to: "17:00" });
      touch();
      show();
      focus(day, days[day].length - 1);
    });
    add.setAttribute("aria-label", `Add hours on ${NAMES[n]}`);
    const copies = [
      { text: "Copy to weekdays", to: WEEKDAYS },
      { text: "Copy to all days", to: DAYS },
    ].map(({ text, to }) => {
      const copy = button(
        text,
        () => {
          for (const other of to) days[other] = days[day].map((span) => ({ ...span }));
          touch();
          show();
          element(`[data-day="${day}"] [data-copy="${text}"]`, grid).focus();
          say(`The hours of ${NAMES[n]} are copied to ${to === DAYS ? "all days" : "Monday to Friday"}.`);
        },
        { className: "quiet", data: { copy: text } },
      );
      copy.setAttribute("aria-label", `${text}: the hours of ${NAMES[n]}`);
      return copy;
    });
    return make(
      "div",
      { className: "day", role: "group", "aria-label": NAMES[n], data: { day } },
      make("span", { className: "name", textContent: NAMES[n] }),
      make(
        "div",
        { className: "spans" },
        ...(spans.length ? spans : [make("span", { className: "hint", textContent: "none" })]),
      ),
      make("div", { className: "tools" }, add, ...copies),
      bar(n),
    );
  }

  /**
   * @param {string} day
   * @param {number} n
   * @param {Hours} span
   * @param {number} s
   */
  function spanOf(day, n, span, s) {
    const from = time(`${NAMES[n]}, from`, span.from, (value) => {
      span.from = value;
    });
    // A time input does not support 24:00, so it shows the end of a day as 00:00.
    const to = time(`${NAMES[n]}, to`, span.to === "24:00" ? "00:00" : span.to, (value) => {
      span.to = value === "00:00" ? "24:00" : value;
    });
    const until = make("span", { className: "until" });
    /**
     * @param {string} label
     * @param {string} value
     * @param {(value: string) => void} set
     */
    function time(label, value, set) {
      const input = make("input", { type: "time", value, required: true });
      input.setAttribute("aria-label", label);
      input.addEventListener("change", () => {
        set(input.value);
        redraw();
      });
      return input;
    }
    function redraw() {
      until.textContent =
        span.to === "24:00"
          ? "until midnight"
          : crossesMidnight(span)
            ? `until ${span.to} on ${NAMES[(n + 1) % 7]}`
            : "";
      for (const [index, other] of DAYS.entries())
        grid.querySelector(`[data-day="${other}"] .bar`)?.replaceWith(bar(index));
    }
    redraw();
    const remove = button(
      "Remove",
      () => {
        days[day].splice(s, 1);
        touch();
        show();
        element(`[data-day="${day}"] .tools button`, grid).focus();
      },
      { className: "quiet" },
    );
    remove.setAttribute("aria-label", `Remove ${span.from} to ${span.to} on ${NAMES[n]}`);
    return make("span", { className: "span" }, from, make("span", { textContent: "to" }), to, until, remove);
  }

  /**
   * Makes the bar of a day: its own hours, and the hours that continue from the day before.
   * @param {number} n
   */
  function bar(n) {
    const own = days[DAYS[n]].map((span) => ({
      from: minutes(span.from),
      to: span.to === "24:00" || crossesMidnight(span) ? 1440 : minutes(span.to),
      className: "",
    }));
    const before = days[DAYS[(n + 6) % 7]]
      .filter(crossesMidnight)
      .map((span) => ({ from: 0, to: minutes(span.to), className: "night" }));
    return make(
      "div",
      { className: "bar", "aria-hidden": "true" },
      ...[...before, ...own].map(({ from, to, className }) => {
        const part = make("i", { className });
        part.style.left = `${(from / 1440) * 100}%`;
        part.style.width = `${((to - from) / 1440) * 100}%`;
        return part;
      }),
    );
  }

  /**
   * @param {string} day
   * @param {number} s
   */
  function focus(day, s) {
    grid.querySelectorAll(`[data-day="${day}"] .span`)[s]?.querySelector("input")?.focus();
  }

  mode.addEventListener("change", show);
  show();
  return field(name, node, () => (mode.value === "" ? undefined : bySpan(days)));
}
