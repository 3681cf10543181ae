// react-querybuilder with our controls: every one of them is native, named and reached by the keyboard.
import { QueryBuilder, defaultControlElements, prepareRuleGroup } from "react-querybuilder";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ATTRIBUTES, byPlace, fitted, outside } from "./tree.js";
import { ValueEditor } from "./values.jsx";

const COMBINATORS = [
  { name: "and", value: "and", label: "all of these" },
  { name: "or", value: "or", label: "any of these" },
];

const numbered = (path) => path.map((place) => place + 1).join(".");

function FieldSelector({ value, handleOnChange, path, context }) {
  const groups = Map.groupBy(context.fields, (field) => field.group);
  const free = context.free.has(value);
  const name = value.slice(ATTRIBUTES.length);
  return (
    <>
      <select aria-label={`Field of rule ${numbered(path)}`} value={free ? ATTRIBUTES : value} onChange={(event) => handleOnChange(event.currentTarget.value)}>
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
        <input type="text" aria-label={`Name of the attribute of rule ${numbered(path)}`} placeholder="name" value={name} onChange={(event) => handleOnChange(ATTRIBUTES + event.currentTarget.value.trim())} />
      )}
    </>
  );
}

function OperatorSelector({ value, options, handleOnChange, path }) {
  return (
    <select aria-label={`Operator of rule ${numbered(path)}`} value={value} onChange={(event) => handleOnChange(event.currentTarget.value)}>
      {options.map((one) => (
        <option key={one.name} value={one.name}>
          {one.label}
        </option>
      ))}
    </select>
  );
}

const groupName = (path, root) => (path.length ? `group ${numbered(path)}` : root);

function CombinatorSelector({ value, handleOnChange, path, context }) {
  const reasons = context.groups.has(path.join(".")) ? context.problems[path.join(".")] : undefined;
  return (
    <>
      <select aria-label={`Leads meet, in ${groupName(path, context.label)}`} value={value} onChange={(event) => handleOnChange(event.currentTarget.value)}>
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

function NotToggle({ checked, handleOnChange, path, context }) {
  return (
    <label class="rule-not">
      <input type="checkbox" aria-label={`Not: turn ${groupName(path, context.label)} round`} checked={Boolean(checked)} onChange={(event) => handleOnChange(event.currentTarget.checked)} />
      not
    </label>
  );
}

const button = (text, name) =>
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
  addRuleAction: button("+ Rule", (path, { label }) => `Add a rule to ${groupName(path, label)}`),
  addGroupAction: button("+ Group", (path, { label }) => `Add a group to ${groupName(path, label)}`),
  removeRuleAction: button("×", (path) => `Remove rule ${numbered(path)}`),
  removeGroupAction: button("×", (path) => `Remove group ${numbered(path)}`),
};

const groupsIn = (node, path, found) => {
  found.add(path.join("."));
  node.rules.forEach((rule, place) => rule.rules && groupsIn(rule, [...path, place], found));
  return found;
};

const fieldsIn = (node) => (node.rules ? node.rules.flatMap(fieldsIn) : [node.field]);

export function Builder({ root, label, fields, initial, problems, onChange, host }) {
  const [query, setQuery] = useState(() => prepareRuleGroup(initial));
  const [said, setSaid] = useState("");
  const next = useRef(null);

  const listed = useMemo(() => new Map(fields.map((field) => [field.name, { ...field, value: field.name }])), [fields]);
  const template = listed.get(ATTRIBUTES) ?? fields[0];
  const fieldOf = (name) => listed.get(name) ?? { ...template, name, value: name, label: name.slice(ATTRIBUTES.length) || template.label };
  const strangers = fieldsIn(query).filter((name) => !listed.has(name));
  const free = new Set([ATTRIBUTES, ...strangers]);
  const offered = [...listed.values(), ...[...new Set(strangers)].map(fieldOf)];

  useEffect(() => {
    if (!next.current) return;
    const wanted = host.querySelector(next.current) ?? host.querySelector("button");
    next.current = null;
    wanted?.focus();
  }, [query]);

  const change = (changed) => {
    const value = fitted(changed, fieldOf);
    setQuery(value);
    onChange(outside(value));
  };
  const added = (what) => (node) => {
    next.current = `[data-${what}-id="${node.id}"] select, [data-rulegroup-id="${node.id}"] button`;
    setSaid(`${what === "rule" ? "Rule" : "Group"} added`);
    return true;
  };
  const removed = () => {
    next.current = "button[aria-label^='Add a rule']";
    setSaid("Removed");
    return true;
  };

  const found = byPlace(problems, root);
  const context = { label, fields, problems: found, groups: groupsIn(query, [], new Set()), free };
  return (
    <fieldset class="rule-builder" aria-label={label}>
      <QueryBuilder
        fields={offered}
        query={query}
        onQueryChange={change}
        combinators={COMBINATORS}
        context={context}
        controlElements={CONTROLS}
        onAddRule={added("rule")}
        onAddGroup={added("rulegroup")}
        onRemove={removed}
        showNotToggle
        listsAsArrays
        enableMountQueryChange={false}
        getOperators={(name) => fieldOf(name).operators.map((one) => ({ ...one, value: one.name }))}
        getDefaultValue={() => ""}
        resetOnFieldChange={false}
        resetOnOperatorChange={false}
      />
      <p class="rule-said" aria-live="polite">
        {said}
      </p>
    </fieldset>
  );
}
