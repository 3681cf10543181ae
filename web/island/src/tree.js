// The rule tree as the server takes it, and what a value must look like for a field and an operator.

export const RELATIVE = ["inLast", "notInLast", "inNext"];
export const PAIRS = ["between", "notBetween"];
export const LISTS = ["in", "notIn"];
export const NULLNESS = ["null", "notNull"];
const PARTS = ["contains", "doesNotContain", "beginsWith", "doesNotBeginWith", "endsWith", "doesNotEndWith"];

export const ATTRIBUTES = "attributes.";
export const EMPTY = { combinator: "and", not: false, rules: [] };

const isNode = (node) => node !== null && typeof node === "object" && Array.isArray(node.rules);

/** The tree without what the builder adds for its own bookkeeping. */
export function outside(node) {
  if (isNode(node)) {
    return { combinator: node.combinator, not: Boolean(node.not), rules: node.rules.map(outside) };
  }
  const value = NULLNESS.includes(node.operator) ? null : node.value;
  return { field: node.field, operator: node.operator, value };
}

/** The tree with every value in the shape its field and operator ask for. */
export function fitted(node, fieldOf) {
  if (isNode(node)) return { ...node, rules: node.rules.map((rule) => fitted(rule, fieldOf)) };
  const field = fieldOf(node.field);
  const operator = field.operators.some((one) => one.name === node.operator)
    ? node.operator
    : field.operators[0].name;
  const value = fit(field, operator, node.value);
  return operator === node.operator && value === node.value ? node : { ...node, operator, value };
}

function fit(field, operator, value) {
  if (NULLNESS.includes(operator)) return null;
  if (RELATIVE.includes(operator)) {
    const kept = value !== null && typeof value === "object" && "amount" in value;
    return kept ? value : { amount: 30, unit: "day" };
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

function fits(field, value) {
  if (value === null || value === undefined) return false;
  switch (field.type) {
    case "number":
    case "integer":
      return typeof value === "number" || value === "";
    case "boolean":
      return typeof value === "boolean";
    case "choice":
      return value === "" || field.values.some((option) => option.name === value);
    case "attribute":
      return typeof value === "string" || typeof value === "number";
    default:
      return typeof value === "string";
  }
}

function scalar(field, value) {
  if (fits(field, value)) return value;
  if (field.type === "boolean") return true;
  if (field.type === "date") return new Date().toISOString().slice(0, 10);
  return "";
}

/** `inclusion.rules[1].rules[0]` is the rule at [1, 0]; null where the path is of something else. */
export function placeOf(path, root) {
  const found = new RegExp(`^${root}((?:\\.rules\\[\\d+\\])*)`).exec(path);
  return found ? [...found[1].matchAll(/\d+/g)].map((digits) => Number(digits[0])) : null;
}

/** What is wrong, by place: `1.0` to its reasons; of the whole tree under the empty place. */
export function byPlace(problems, root) {
  const found = {};
  for (const problem of problems) {
    const place = placeOf(problem.path ?? "", root);
    if (place) (found[place.join(".")] ??= []).push(problem.reason);
  }
  return found;
}
