// Converts local times of any time zone, with the browser's time zone data.

const COMMON = [
  "America/New_York",
  "America/Chicago",
  "America/Denver",
  "America/Phoenix",
  "America/Los_Angeles",
  "America/Anchorage",
  "Pacific/Honolulu",
  "America/Puerto_Rico",
];

export const OWN_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/**
 * Returns the instant of a local date and time in a zone; null if clocks skip that time (in spring).
 * @param {string} date as 2026-11-25
 * @param {string} time as 09:00
 * @param {string} zone
 */
export function instantAt(date, time, zone) {
  const wanted = Date.parse(`${date}T${time}:00Z`);
  if (Number.isNaN(wanted)) return null;
  let at = wanted - offsetMs(wanted, zone);
  at = wanted - offsetMs(at, zone);
  return at + offsetMs(at, zone) === wanted ? new Date(at) : null;
}

/**
 * @param {number} at in milliseconds
 * @param {string} zone
 */
function offsetMs(at, zone) {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) - at;
}

/**
 * Fills a select with zones: the lead's own first and selected, then the reader's and common ones, then all others.
 * @param {HTMLSelectElement} select
 * @param {string | undefined} leadZone
 */
export function fillZones(select, leadZone) {
  const first = [...new Set([leadZone, OWN_ZONE, ...COMMON].filter((zone) => zone !== undefined && zone !== ""))];
  /** @param {string} zone */
  const option = (zone) => {
    const whose = zone === leadZone ? " (the lead's)" : zone === OWN_ZONE ? " (yours)" : "";
    return new Option(zone.replaceAll("_", " ") + whose, zone);
  };
  const others = document.createElement("optgroup");
  others.label = "All zones";
  const rest = Intl.supportedValuesOf("timeZone").filter((zone) => !first.includes(zone));
  others.append(...rest.map(option));
  select.replaceChildren(...first.map((zone) => option(String(zone))), others);
  select.value = String(first[0]);
}
