// Converts the rule tree to the server's form, and each value to the shape that its field and operator require.

/** @import { Field, FieldOf, Node, Problem } from "./types.d.ts" */

export const RELATIVE = ["inLast", "notInLast", "inNext"];
export const PAIRS = ["between", "notBetween"];
export const LISTS = ["in", "notIn"];
export const NULLNESS = ["null", "notNull"];
const PARTS = ["contains", "doesNotContain", "beginsWith", "doesNotBeginWith", "endsWith", "doesNotEndWith"];

export const ATTRIBUTES = "attributes.";
export const EMPTY = { combinator: "and", not: false, rules: [] };

/** @param {any} node */
const isGroup = (node) => node !== null && typeof node === "object" && Array.isArray(node.rules);

/**
 * Returns the tree without the properties that the builder adds for internal use.
 * @param {Node} node
 * @returns {Node}
 */
export function serialized(node) {
  if (isGroup(node)) {
    return { combinator: node.combinator, not: Boolean(node.not), rules: node.rules.map(serialized) };
  }
  const value = NULLNESS.includes(node.operator) ? null : node.value;
  return { field: node.field, operator: node.operator, value };
}

/**
 * Returns the tree with every value in the shape that its field and operator require.
 * @param {Node} node
 * @param {FieldOf} fieldOf
 * @returns {Node}
 */
export function normalized(node, fieldOf) {
  if (isGroup(node)) {
    return { ...node, rules: node.rules.map((/** @type {Node} */ rule) => normalized(rule, fieldOf)) };
  }
  const field = fieldOf(node.field);
  const isKnown = field.operators.some((operator) => operator.name === node.operator);
  const operator = isKnown ? node.operator : field.operators[0].name;
  const value = fit(field, operator, node.value);
  return operator === node.operator && value === node.value ? node : { ...node, operator, value };
}

/**
 * Converts the value to the shape of an operator and keeps the parts that fit.
 * @param {Field} field
 * @param {string} operator
 * @param {any} value
 */
function fit(field, operator, value) {
  if (NULLNESS.includes(operator)) return null;
  if (RELATIVE.includes(operator)) {
    const isRelative = value !== null && typeof value === "object" && "amount" in value;
    return isRelative ? value : { amount: 30, unit: "day" };
  }
  const first = Array.isArray(value) ? value[0] : value;
  if (PAIRS.includes(operator)) {
    if (Array.isArray(value) && value.length === 2 && value.every((one) => fits(field, one))) return value;
    return [scalar(field, first), scalar(field, Array.isArray(value) ? value[1] : null)];
  }
  if (LISTS.includes(operator)) {
    if (Array.isArray(value) && value.every((one) => fits(field, one))) return value;
    return fits(field, first) && first !== "" ? [first] : [];
  }
  if (PARTS.includes(operator)) return typeof first === "string" ? first : String(first ?? "");
  return scalar(field, first);
}

/**
 * Tells whether a single value is valid for the field, or still empty.
 * @param {Field} field
 * @param {any} value
 */
function fits(field, value) {
  if (value === null || value === undefined) return false;
  switch (field.type) {
    case "number":
    case "integer":
      return typeof value === "number" || value === "";
    case "boolean":
      return typeof value === "boolean";
    case "choice":
      return value === "" || (field.values ?? []).some((option) => option.name === value);
    case "attribute":
      return typeof value === "string" || typeof value === "number";
    default:
      return typeof value === "string";
  }
}

/**
 * @param {Field} field
 * @param {any} value
 */
function scalar(field, value) {
  if (fits(field, value)) return value;
  if (field.type === "boolean") return true;
  if (field.type === "date") return new Date().toISOString().slice(0, 10);
  return "";
}

/**
 * Returns the position that a path names: [1, 0] for `inclusion.rules[1].rules[0]`; null for any other path.
 * @param {string} path
 * @param {string} root
 */
function placeOf(path, root) {
  const found = new RegExp(`^${root}((?:\\.rules\\[\\d+\\])*)`).exec(path);
  return found ? [...found[1].matchAll(/\d+/g)].map((digits) => Number(digits[0])) : null;
}

/**
 * Returns the reasons by position: those of [1, 0] under `1.0`, and those of the whole tree under the empty string.
 * @param {Problem[]} problems
 * @param {string} root
 */
export function byPlace(problems, root) {
  /** @type {Record<string, string[]>} */
  const found = {};
  for (const { path, reason } of problems) {
    const key = placeOf(path ?? "", root)?.join(".");
    if (key === undefined) continue;
    found[key] ??= [];
    found[key].push(reason);
  }
  return found;
}
