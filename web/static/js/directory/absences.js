// A rep's absences: start and end as dates and times in the rep's time zone.

import { button, field, framed, make } from "./fields.js";

/**
 * Returns the local time in a zone, as 2026-11-25T09:00.
 * @param {number} instant in milliseconds
 * @param {string} zone
 */
function localTime(instant, zone) {
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

/**
 * Returns the instant of a local time in a zone, as RFC 3339 with the zone's offset at that time.
 * @param {string} local
 * @param {string} zone
 */
function instantOf(local, zone) {
  const asUtc = Date.parse(`${local}:00Z`);
  if (Number.isNaN(asUtc)) return local;
  let at = asUtc;
  for (let round = 0; round < 3; round += 1) at += asUtc - Date.parse(`${localTime(at, zone)}:00Z`);
  const offset = Math.round((Date.parse(`${localTime(at, zone)}:00Z`) - at) / 60_000);
  const size = Math.abs(offset);
  /** @param {number} value */
  const two = (value) => String(value).padStart(2, "0");
  return `${localTime(at, zone)}:00${offset < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/**
 * Returns the zone, or UTC if the browser does not know it.
 * @param {string} zone
 */
function knownZone(zone) {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone;
  } catch {
    return "UTC";
  }
}

/**
 * @param {string} name
 * @param {string} legend
 * @param {{from: string, to: string}[] | undefined} value
 * @param {() => string | undefined} readZone
 */
export function absences(name, legend, value, readZone) {
  const { node, container } = framed(name, legend, "In the rep's time zone.");
  const zone = knownZone(readZone() || "UTC");
  const rows = (value ?? []).map((absence) => ({
    from: localTime(Date.parse(absence.from), zone),
    to: localTime(Date.parse(absence.to), zone),
  }));
  const lines = make("div");
  const add = button("Add an absence", () => {
    rows.push({ from: "", to: "" });
    touch();
    lines.lastElementChild?.querySelector("input")?.focus();
  });
  container.append(lines, make("p", { className: "tools" }, add));

  function touch() {
    node.dispatchEvent(new Event("change"));
    show();
  }

  /**
   * @param {{from: string, to: string}} row
   * @param {number} n
   */
  function line(row, n) {
    const ends = /** @type {("from" | "to")[]} */ (["from", "to"]);
    const [from, to] = ends.map((end) => {
      const input = make("input", { type: "datetime-local", value: row[end] });
      input.setAttribute("aria-label", `Absence ${n + 1}, ${end}`);
      input.addEventListener("change", () => {
        row[end] = input.value;
      });
      return input;
    });
    const remove = button(
      "Remove",
      () => {
        rows.splice(n, 1);
        touch();
        add.focus();
      },
      { className: "quiet" },
    );
    remove.setAttribute("aria-label", `Remove absence ${n + 1}`);
    return make("div", { className: "span" }, from, make("span", { textContent: "to" }), to, remove);
  }

  function show() {
    lines.replaceChildren(...(rows.length ? rows.map(line) : [make("p", { className: "hint", textContent: "None." })]));
  }

  show();
  return field(name, node, () => {
    const now = knownZone(readZone() || "UTC");
    return rows.map((row) => ({ from: instantOf(row.from, now), to: instantOf(row.to, now) }));
  });
}
