// How a value is written for people, by its field's type.

const MONEY = new Intl.NumberFormat(undefined, { style: "currency", currency: "USD", maximumFractionDigits: 0 });
const NUMBER = new Intl.NumberFormat();
const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function shown(column, value) {
  if (value === null || value === undefined || value === "") return "";
  if (column.type === "number") {
    return column.unit === "USD" || column.name.includes("amount") ? MONEY.format(value) : NUMBER.format(value);
  }
  if (column.type === "date") return when(value);
  if (column.type === "boolean") return value ? "yes" : "no";
  if (column.type === "choice") return words(String(value));
  return Array.isArray(value) ? value.join(", ") : String(value);
}

export function when(value) {
  return WHEN.format(new Date(value));
}

export function words(value) {
  return /^[A-Z]{2}$/.test(value) ? value : value.replaceAll("_", " ");
}

// Minutes and seconds until an instant, or null when it is past.
export function left(until, now = Date.now()) {
  const seconds = Math.ceil((new Date(until).getTime() - now) / 1000);
  if (seconds <= 0) return null;
  const minutes = Math.floor(seconds / 60);
  return minutes ? `${minutes}:${String(seconds % 60).padStart(2, "0")}` : `${seconds} s`;
}

// A sentence of ours with its instants as people here write them.
const INSTANT = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)/g;

export function localised(text) {
  return text.replace(INSTANT, (found) => when(found.replace(" ", "T")));
}

export function sentence(text) {
  const said = localised(text);
  return said.charAt(0).toUpperCase() + said.slice(1) + (/[.!?]$/.test(said) ? "" : ".");
}
