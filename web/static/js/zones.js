// Local times of any zone, as the browser's own calendar knows them.

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

export const OWN = Intl.DateTimeFormat().resolvedOptions().timeZone;

// The instant at which clocks in a zone show this date and time; null where they never do (they skip an hour in spring).
export function instant(date, time, zone) {
  const wanted = Date.parse(`${date}T${time}:00Z`);
  if (Number.isNaN(wanted)) return null;
  let at = wanted - offset(wanted, zone);
  at = wanted - offset(at, zone);
  return at + offset(at, zone) === wanted ? new Date(at) : null;
}

function offset(at, zone) {
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

// Fill a select: the lead's own zone first and chosen, then one's own and the usual ones, then all the others.
export function choices(select, theirs) {
  const first = [...new Set([theirs, OWN, ...COMMON].filter(Boolean))];
  const label = (zone) =>
    zone.replaceAll("_", " ") + (zone === theirs ? " (the lead's)" : zone === OWN ? " (yours)" : "");
  const option = (zone) => new Option(label(zone), zone);
  const others = document.createElement("optgroup");
  others.label = "All zones";
  others.append(...Intl.supportedValuesOf("timeZone").filter((zone) => !first.includes(zone)).map(option));
  select.replaceChildren(...first.map(option), others);
  select.value = first[0];
}
