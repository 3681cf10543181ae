// Hours of a week, day by day: from and to as times, past midnight where `to` is earlier, and a bar that shows the day.

import { say } from "../say.js";
import { button, composed, framed, make } from "./fields.js";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
export const NAMES = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const WEEKDAYS = DAYS.slice(0, 5);

// [{days, from, to}] as day -> spans of that day, and back: the same hours on several days are one span.
export function byDay(spans) {
  return Object.fromEntries(
    DAYS.map((day) => [day, (spans ?? []).filter((one) => one.days.includes(day)).map(({ from, to }) => ({ from, to }))]),
  );
}

export function bySpan(days) {
  const spans = new Map();
  for (const day of DAYS) {
    for (const { from, to } of days[day]) {
      const key = `${from} ${to}`;
      if (!spans.has(key)) spans.set(key, { days: [], from, to });
      spans.get(key).days.push(day);
    }
  }
  return [...spans.values()];
}

const minutes = (clock) => (clock ? Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3)) : 0);
export const crosses = ({ from, to }) => Boolean(from && to) && to !== "24:00" && minutes(to) <= minutes(from);

export function week(name, legend, value, { hint, none, some, empty }) {
  const { node, place } = framed(name, legend, hint);
  let days = byDay(value);
  const mode = make("select", { "aria-label": legend }, make("option", { value: "", textContent: none }), make("option", { value: "some", textContent: some }));
  mode.value = value === undefined ? "" : "some";
  const grid = make("div", { className: "week" });
  const remark = make("p", { className: "hint", textContent: empty });
  place.append(mode, grid, remark);
  const touch = () => node.dispatchEvent(new Event("change"));

  function show() {
    grid.hidden = mode.value === "";
    grid.replaceChildren(...DAYS.map(line));
    remark.hidden = grid.hidden || DAYS.some((day) => days[day].length);
  }

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
      ["Copy to weekdays", WEEKDAYS],
      ["Copy to all days", DAYS],
    ].map(([text, to]) => {
      const copy = button(text, () => {
        for (const other of to) days[other] = days[day].map((span) => ({ ...span }));
        touch();
        show();
        grid.querySelector(`[data-day="${day}"] [data-copy="${text}"]`)?.focus();
        say(`The hours of ${NAMES[n]} are copied to ${to === DAYS ? "all days" : "Monday to Friday"}.`);
      }, { className: "quiet", data: { copy: text } });
      copy.setAttribute("aria-label", `${text}: the hours of ${NAMES[n]}`);
      return copy;
    });
    return make(
      "div",
      { className: "day", role: "group", "aria-label": NAMES[n], data: { day } },
      make("span", { className: "name", textContent: NAMES[n] }),
      make("div", { className: "spans" }, ...(spans.length ? spans : [make("span", { className: "hint", textContent: "none" })])),
      make("div", { className: "tools" }, add, ...copies),
      bar(n),
    );
  }

  function spanOf(day, n, span, s) {
    const from = time(`${NAMES[n]}, from`, span.from, (value) => (span.from = value));
    // A time input knows no 24:00; the end of a day is its 00:00.
    const to = time(`${NAMES[n]}, to`, span.to === "24:00" ? "00:00" : span.to, (value) => (span.to = value === "00:00" ? "24:00" : value));
    const until = make("span", { className: "until" });
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
      until.textContent = span.to === "24:00" ? "until midnight" : crosses(span) ? `until ${span.to} on ${NAMES[(n + 1) % 7]}` : "";
      for (const [place, other] of DAYS.entries()) grid.querySelector(`[data-day="${other}"] .bar`)?.replaceWith(bar(place));
    }
    redraw();
    const remove = button("Remove", () => {
      days[day].splice(s, 1);
      touch();
      show();
      grid.querySelector(`[data-day="${day}"] .tools button`)?.focus();
    }, { className: "quiet" });
    remove.setAttribute("aria-label", `Remove ${span.from} to ${span.to} on ${NAMES[n]}`);
    return make("span", { className: "span" }, from, make("span", { textContent: "to" }), to, until, remove);
  }

  // What a day has, and what reaches into it from the night before.
  function bar(n) {
    const own = days[DAYS[n]].map((span) => [minutes(span.from), span.to === "24:00" || crosses(span) ? 1440 : minutes(span.to), ""]);
    const before = days[DAYS[(n + 6) % 7]].filter(crosses).map((span) => [0, minutes(span.to), "night"]);
    return make(
      "div",
      { className: "bar", "aria-hidden": "true" },
      ...[...before, ...own].map(([from, to, name]) => {
        const part = make("i", { className: name });
        part.style.left = `${(from / 1440) * 100}%`;
        part.style.width = `${((to - from) / 1440) * 100}%`;
        return part;
      }),
    );
  }

  function focus(day, s) {
    grid.querySelectorAll(`[data-day="${day}"] .span`)[s]?.querySelector("input").focus();
  }

  mode.addEventListener("change", show);
  show();
  return composed(name, node, () => (mode.value === "" ? undefined : bySpan(days)));
}
