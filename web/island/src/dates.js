// Converts days and times in the value of a condition. A day is a day in UTC. A time has the offset of this browser.

export const today = () => new Date().toISOString().slice(0, 10);

/** @param {string | undefined} value */
export const hasTime = (value) => (value ?? "").includes("T");

/** @param {number} number */
const twoDigits = (number) => String(number).padStart(2, "0");

/**
 * Returns an instant in the format of a datetime-local input; empty if the value is not an instant.
 * @param {string} value
 */
export function localTime(value) {
  const at = new Date(value);
  if (Number.isNaN(at.getTime())) return "";
  const [month, day, hour, minute] = [at.getMonth() + 1, at.getDate(), at.getHours(), at.getMinutes()].map(twoDigits);
  return `${at.getFullYear()}-${month}-${day}T${hour}:${minute}`;
}

/**
 * Returns a local time with the offset of this browser at that time; empty if the value is not a time.
 * @param {string} local
 */
export function withOffset(local) {
  const at = new Date(local);
  if (Number.isNaN(at.getTime())) return "";
  const minutes = -at.getTimezoneOffset();
  const size = Math.abs(minutes);
  const sign = minutes < 0 ? "-" : "+";
  return `${localTime(local)}:00${sign}${twoDigits(Math.floor(size / 60))}:${twoDigits(size % 60)}`;
}
