// When somebody is away: from and to as dates with times on the wall clock of the rep's time zone.

import { button, composed, framed, make } from "./fields.js";

// The wall clock of an instant in a zone, as `2026-11-25T09:00`.
export function onWall(instant, zone) {
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(instant);
  const found = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
  return `${found.year}-${found.month}-${found.day}T${found.hour}:${found.minute}`;
}

// The instant at which a zone's wall clock shows this, as RFC 3339 with the zone's offset then.
export function instantOf(wall, zone) {
  const asUtc = Date.parse(`${wall}:00Z`);
  if (Number.isNaN(asUtc)) return wall;
  let at = asUtc;
  for (let round = 0; round < 3; round += 1) at += asUtc - Date.parse(`${onWall(at, zone)}:00Z`);
  const offset = Math.round((Date.parse(`${onWall(at, zone)}:00Z`) - at) / 60_000);
  const size = Math.abs(offset);
  const two = (value) => String(value).padStart(2, "0");
  return `${onWall(at, zone)}:00${offset < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

function usable(zone) {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone;
  } catch {
    return "UTC";
  }
}

export function absences(name, legend, value, zoneNow) {
  const { node, place } = framed(name, legend, "On the wall clock of the rep's time zone.");
  const zone = usable(zoneNow() || "UTC");
  const rows = (value ?? []).map((one) => ({ from: onWall(Date.parse(one.from), zone), to: onWall(Date.parse(one.to), zone) }));
  const lines = make("div");
  const add = button("Add an absence", () => {
    rows.push({ from: "", to: "" });
    touched();
    lines.lastElementChild.querySelector("input").focus();
  });
  place.append(lines, make("p", { className: "tools" }, add));

  function touched() {
    node.dispatchEvent(new Event("change"));
    show();
  }

  function line(row, n) {
    const [from, to] = ["from", "to"].map((end) => {
      const input = make("input", { type: "datetime-local", value: row[end] });
      input.setAttribute("aria-label", `Absence ${n + 1}, ${end}`);
      input.addEventListener("change", () => (row[end] = input.value));
      return input;
    });
    const remove = button("Remove", () => {
      rows.splice(n, 1);
      touched();
      add.focus();
    }, { className: "quiet" });
    remove.setAttribute("aria-label", `Remove absence ${n + 1}`);
    return make("div", { className: "span" }, from, make("span", { textContent: "to" }), to, remove);
  }

  function show() {
    lines.replaceChildren(...(rows.length ? rows.map(line) : [make("p", { className: "hint", textContent: "None." })]));
  }

  show();
  return composed(name, node, () => {
    const now = usable(zoneNow() || "UTC");
    return rows.map((row) => ({ from: instantOf(row.from, now), to: instantOf(row.to, now) }));
  });
}
