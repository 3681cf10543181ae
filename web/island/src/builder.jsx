// Wraps react-querybuilder with custom controls. All controls are native, have a name, and work from the keyboard.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { defaultControlElements, prepareRuleGroup, QueryBuilder } from "react-querybuilder";
import { ATTRIBUTES, byPlace, normalized, serialized } from "./tree.js";
import { ValueEditor } from "./values.jsx";

/** @import { Context, ControlProps, Field, FieldOf, Node, Problem } from "./types.d.ts" */

const COMBINATORS = [
  { name: "and", value: "and", label: "all of these" },
  { name: "or", value: "or", label: "any of these" },
];

/** @param {number[]} path */
const numbered = (path) => path.map((place) => place + 1).join(".");

/** @param {ControlProps} props */
function FieldSelector({ value, handleOnChange, path, context }) {
  const groups = Map.groupBy(context.fields, (field) => field.group);
  const free = context.free.has(value);
  const name = value.slice(ATTRIBUTES.length);
  return (
    <>
      <select
        aria-label={`Field of rule ${numbered(path)}`}
        value={free ? ATTRIBUTES : value}
        onChange={(event) => handleOnChange(event.currentTarget.value)}
      >
        {[...groups].map(([group, fields]) => (
          <optgroup key={group} label={group}>
            {fields.map((field) => (
              <option key={field.name} value={field.name}>
                {field.label}
              </option>
            ))}
          </optgroup>
        ))}
      </select>
      {free && (
        <input
          type="text"
          aria-label={`Name of the attribute of rule ${numbered(path)}`}
          placeholder="name"
          value={name}
          onChange={(event) => handleOnChange(ATTRIBUTES + event.currentTarget.value.trim())}
        />
      )}
    </>
  );
}

/** @param {ControlProps} props */
function OperatorSelector({ value, options, handleOnChange, path }) {
  return (
    <select
      aria-label={`Operator of rule ${numbered(path)}`}
      value={value}
      onChange={(event) => handleOnChange(event.currentTarget.value)}
    >
      {options.map((one) => (
        <option key={one.name} value={one.name}>
          {one.label}
        </option>
      ))}
    </select>
  );
}

/**
 * @param {number[]} path
 * @param {string} root
 */
const groupName = (path, root) => (path.length ? `group ${numbered(path)}` : root);

/** @param {ControlProps} props */
function CombinatorSelector({ value, handleOnChange, path, context }) {
  const reasons = context.groups.has(path.join(".")) ? context.problems[path.join(".")] : undefined;
  return (
    <>
      <select
        aria-label={`Leads meet, in ${groupName(path, context.label)}`}
        value={value}
        onChange={(event) => handleOnChange(event.currentTarget.value)}
      >
        {COMBINATORS.map((one) => (
          <option key={one.name} value={one.name}>
            {one.label}
          </option>
        ))}
      </select>
      {reasons && <span class="rule-problem">{reasons.join("; ")}</span>}
    </>
  );
}

/** @param {ControlProps} props */
function NotToggle({ checked, handleOnChange, path, context }) {
  return (
    <label class="rule-not">
      <input
        type="checkbox"
        aria-label={`Not: turn ${groupName(path, context.label)} round`}
        checked={Boolean(checked)}
        onChange={(event) => handleOnChange(event.currentTarget.checked)}
      />
      not
    </label>
  );
}

/**
 * @param {string} text
 * @param {(path: number[], context: Context) => string} name
 */
const button = (text, name) =>
  /** @param {ControlProps} props */
  function Action({ handleOnClick, path, context }) {
    return (
      <button type="button" aria-label={name(path, context)} onClick={handleOnClick}>
        {text}
      </button>
    );
  };

const CONTROLS = {
  ...defaultControlElements,
  fieldSelector: FieldSelector,
  operatorSelector: OperatorSelector,
  combinatorSelector: CombinatorSelector,
  notToggle: NotToggle,
  valueEditor: ValueEditor,
  addRuleAction: button("+ Add Rule", (path, { label }) => `Add a rule to ${groupName(path, label)}`),
  addGroupAction: button("+ Add Group", (path, { label }) => `Add a group to ${groupName(path, label)}`),
  removeRuleAction: button("×", (path) => `Remove rule ${numbered(path)}`),
  removeGroupAction: button("×", (path) => `Remove group ${numbered(path)}`),
};

/**
 * Returns the positions of all groups in the tree.
 * @param {Node} node
 * @param {number[]} [path]
 * @returns {string[]}
 */
const groupsIn = (node, path = []) => [
  path.join("."),
  ...node.rules.flatMap((/** @type {Node} */ rule, /** @type {number} */ place) =>
    rule.rules ? groupsIn(rule, [...path, place]) : [],
  ),
];

/**
 * Returns the names of all fields that the tree uses.
 * @param {Node} node
 * @returns {string[]}
 */
const fieldsIn = (node) => (node.rules ? node.rules.flatMap(fieldsIn) : [node.field]);

/**
 * Returns the problems without those of the rules and groups with these ids.
 * @param {Record<string, string[]>} problems by position
 * @param {Node} tree
 * @param {ReadonlySet<string>} ids
 */
function withoutPlaces(problems, tree, ids) {
  const isLeftOut = (/** @type {string} */ place) => {
    const node = place === "" ? tree : place.split(".").reduce((found, n) => found?.rules?.[Number(n)], tree);
    return ids.has(node?.id);
  };
  return Object.fromEntries(Object.entries(problems).filter(([place]) => !isLeftOut(place)));
}

/**
 * @param {object} props
 * @param {string} props.root the name of the tree in the paths of problems
 * @param {string} props.label
 * @param {Field[]} props.fields
 * @param {Node} props.initial
 * @param {Problem[]} props.problems
 * @param {(tree: Node) => void} props.onChange
 * @param {HTMLElement} props.host
 */
export function Builder({ root, label, fields, initial, problems, onChange, host }) {
  const [query, setQuery] = useState(() => prepareRuleGroup(/** @type {any} */ (initial)));
  const [announcement, announce] = useState("");
  // The rules that were added and not left yet. They are unfinished, so nothing is said against them.
  const [unfinished, setUnfinished] = useState(/** @type {ReadonlySet<string>} */ (new Set()));
  const focusNext = useRef(/** @type {string | null} */ (null));

  const known = useMemo(() => new Map(fields.map((field) => [field.name, { ...field, value: field.name }])), [fields]);
  const template = known.get(ATTRIBUTES) ?? fields[0];
  /** @type {FieldOf} */
  const fieldOf = (name) =>
    known.get(name) ?? { ...template, name, value: name, label: name.slice(ATTRIBUTES.length) || template.label };
  const unknown = fieldsIn(query).filter((name) => !known.has(name));
  const free = new Set([ATTRIBUTES, ...unknown]);
  const selectable = [...known.values(), ...[...new Set(unknown)].map(fieldOf)];

  useEffect(() => {
    if (!focusNext.current) return;
    const wanted = /** @type {HTMLElement | null} */ (
      host.querySelector(focusNext.current) ?? host.querySelector("button")
    );
    focusNext.current = null;
    wanted?.focus();
  }, [query]);

  /** @param {any} changed */
  const change = (changed) => {
    const value = /** @type {any} */ (normalized(changed, fieldOf));
    setQuery(value);
    onChange(serialized(value));
  };
  /** @param {"rule" | "rulegroup"} what */
  const onAdd = (what) => (/** @type {Node} */ node) => {
    focusNext.current = `[data-${what}-id="${node.id}"] select, [data-rulegroup-id="${node.id}"] button`;
    announce(`${what === "rule" ? "Rule" : "Group"} added`);
    const added = [node, ...(node.rules ?? [])].flatMap(({ id }) => (id ? [id] : []));
    setUnfinished((before) => new Set([...before, ...added]));
    return true;
  };
  const onRemove = () => {
    focusNext.current = "button[aria-label^='Add a rule']";
    announce("Removed");
    return true;
  };

  /** @param {import("preact").TargetedFocusEvent<HTMLElement>} event */
  const onLeave = ({ target, relatedTarget }) => {
    const rule = target instanceof HTMLElement ? target.closest("[data-rule-id]") : null;
    if (!(rule instanceof HTMLElement) || (relatedTarget instanceof Node && rule.contains(relatedTarget))) return;
    const left = [
      rule.dataset.ruleId,
      rule.parentElement?.closest("[data-rulegroup-id]")?.getAttribute("data-rulegroup-id"),
    ];
    setUnfinished((before) => new Set([...before].filter((id) => !left.includes(id))));
  };
  const shown = withoutPlaces(byPlace(problems, root), query, unfinished);

  const context = { label, fields, problems: shown, groups: new Set(groupsIn(query)), free };
  return (
    <fieldset class="rule-builder" aria-label={label} onFocusOut={onLeave}>
      <QueryBuilder
        fields={/** @type {any} */ (selectable)}
        query={query}
        onQueryChange={change}
        combinators={COMBINATORS}
        context={context}
        controlElements={CONTROLS}
        onAddRule={onAdd("rule")}
        onAddGroup={onAdd("rulegroup")}
        onRemove={onRemove}
        showNotToggle
        listsAsArrays
        enableMountQueryChange={false}
        getOperators={(name) => fieldOf(name).operators.map((one) => ({ ...one, value: one.name }))}
        getDefaultValue={() => ""}
        resetOnFieldChange={false}
        resetOnOperatorChange={false}
      />
      <p class="rule-said" aria-live="polite">
        {announcement}
      </p>
    </fieldset>
  );
}
