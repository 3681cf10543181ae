// Formats values for people.

/** @import { Column } from "./types.d.ts" */

const MONEY = new Intl.NumberFormat(undefined, { style: "currency", currency: "USD", maximumFractionDigits: 0 });
const NUMBER = new Intl.NumberFormat();
const DATE_AND_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** @type {Record<string, string>} values whose label is not just the value with spaces; rules/language/value_labels.py has the same */
const HYPHENATED = {
  cash_out: "Cash-out",
  single_family: "Single-family",
  multi_family: "Multi-family",
  pre_assigned: "Pre-assigned",
  no_agents_answered: "No agents answered the call",
  no_agents_clicked: "No agents clicked the New Lead button",
};
const LABELLED = new Set(["loan_purpose", "property_type", "how", "phase", "failure_reason", "reason"]);

/**
 * Formats a value like cash_out as its label. A state's code stays unchanged.
 * @param {string} value
 */
export function valueLabel(value) {
  const text = HYPHENATED[value] ?? spaced(value);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @type {Record<string, string> | undefined} the labels that the org gave its outcomes, by value */
let outcomeLabels;

/** Returns the labels of the org's outcomes by value. web/templates/base.html writes them into every page. */
function labelsOfOutcomes() {
  outcomeLabels ??= JSON.parse(document.querySelector("#outcome-labels")?.textContent ?? "{}");
  return /** @type {Record<string, string>} */ (outcomeLabels);
}

/**
 * Formats an outcome as the words that the org gave it.
 * @param {string} value
 */
export function outcomeLabel(value) {
  return labelsOfOutcomes()[value] ?? valueLabel(value);
}

/**
 * Formats an outcome inside of a sentence: the org's words, or the value with spaces.
 * @param {string} value
 */
export function outcomeWords(value) {
  return labelsOfOutcomes()[value] ?? spaced(value);
}

/**
 * Returns the outcome that a person typed as its value or as its label.
 * @param {string} typed
 * @param {string[]} [known] values without a label of their own
 */
export function outcomeOf(typed, known = []) {
  const wanted = typed.toLowerCase();
  const all = new Set([...Object.keys(labelsOfOutcomes()), ...known]);
  return [...all].find((value) => outcomeLabel(value).toLowerCase() === wanted) ?? typed;
}

/**
 * Formats a phone number of North America as (401) 419-4247. Any other number stays unchanged.
 * @param {string} value
 */
export function phoneText(value) {
  return value.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, "($1) $2-$3");
}

/**
 * Formats a value by the type of its column.
 * @param {Pick<Column, "name" | "type" | "unit">} column
 * @param {any} value
 * @returns {string}
 */
export function valueText(column, value) {
  if (value === null || value === undefined || value === "") return "";
  if (column.type === "number") {
    return column.unit === "USD" || column.name.includes("amount") ? MONEY.format(value) : NUMBER.format(value);
  }
  if (column.type === "date") return dateAndTime(value);
  if (column.type === "days") return NUMBER.format(wholeDays(value));
  if (column.type === "boolean" || column.type === "flag") return value ? "yes" : "no";
  if (column.name === "last_outcome") return outcomeLabel(String(value));
  if (column.type === "choice" || LABELLED.has(column.name)) return valueLabel(String(value));
  if (column.name === "phone") return phoneText(String(value));
  return Array.isArray(value) ? value.join(", ") : String(value);
}

/** What a list shows in a cell without a value. */
export const NO_VALUE = "--";

/**
 * Formats the value of a list's cell; a cell is never empty.
 * @param {Pick<Column, "name" | "type" | "unit">} column
 * @param {any} value
 * @returns {string}
 */
export function cellText(column, value) {
  return valueText(column, value) || NO_VALUE;
}

/**
 * Counts the whole days from an instant until now. A day has 24 hours.
 * @param {string} since
 */
function wholeDays(since) {
  return Math.max(0, Math.floor((Date.now() - new Date(since).getTime()) / 86_400_000));
}

/**
 * Formats an instant in the reader's time zone.
 * @param {string | number | Date} value
 */
export function dateAndTime(value) {
  return DATE_AND_TIME.format(new Date(value));
}

/**
 * Formats a value like cash_out as words. A state's code stays unchanged.
 * @param {string} value
 */
export function spaced(value) {
  return /^[A-Z]{2}$/.test(value) ? value : value.replaceAll("_", " ");
}

/**
 * Formats the time left until an instant in minutes and seconds; null if it is past.
 * @param {string | undefined} until
 * @param {number} [now] in milliseconds
 */
export function timeLeft(until, now = Date.now()) {
  const seconds = until === undefined ? 0 : Math.ceil((new Date(until).getTime() - now) / 1000);
  if (!(seconds > 0)) return null;
  const minutes = Math.floor(seconds / 60);
  return minutes ? `${minutes}:${String(seconds % 60).padStart(2, "0")}` : `${seconds} s`;
}

const INSTANT = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)/g;

/**
 * Converts the instants in a sentence of the server to the reader's time zone.
 * @param {string} text
 */
export function localised(text) {
  return text.replace(INSTANT, (found) => dateAndTime(found.replace(" ", "T")));
}

/**
 * Formats a reason of the server as a sentence: with a capital letter, a full stop and local times.
 * @param {string} text
 */
export function sentence(text) {
  const local = localised(text);
  return local.charAt(0).toUpperCase() + local.slice(1) + (/[.!?]$/.test(local) ? "" : ".");
}

/**
 * Returns what is wrong with a field, as a sentence beside the field, which names itself.
 * @param {{path: string, reason: string} | undefined} problem
 */
export function problemText(problem) {
  if (!problem) return "";
  const names = [problem.path, problem.path.split(".").pop() ?? ""];
  const name = names.find((candidate) => candidate && problem.reason.startsWith(`${candidate}: `));
  return sentence(name ? problem.reason.slice(name.length + 2) : problem.reason);
}

/**
 * Formats a number of leads.
 * @param {number} count
 */
export function leadCount(count) {
  return count === 1 ? "1 lead" : `${NUMBER.format(count)} leads`;
}
