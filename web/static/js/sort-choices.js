// The orders of a list from the database, in words.

/** @import { Column } from "./types.d.ts" */

/** @type {Record<string, [string, string]>} the two orders of a column, by its type */
const ORDERS = {
  date: ["oldest first", "newest first"],
  number: ["lowest first", "highest first"],
  flag: ["no first", "yes first"],
};

/**
 * Makes the choices of an order by one column.
 * @param {Column} column
 */
export function sortChoices({ name, label, type }) {
  const [up, down] = ORDERS[type] ?? ["A to Z", "Z to A"];
  return [new Option(`${label}, ${up}`, name), new Option(`${label}, ${down}`, `-${name}`)];
}
