// Editors of a condition's value: one for each shape. All of them are plain form controls with a name.
import { useId, useState } from "preact/hooks";
import { hasTime, localTime, today, withOffset } from "./dates.js";
import { LISTS, NULLNESS, PAIRS, RELATIVE } from "./tree.js";

/** @import { ControlProps, EditorProps, Option } from "./types.d.ts" */

const UNITS = ["minute", "hour", "day", "week"];

/** @param {ControlProps} props */
export function ValueEditor({ fieldData, operator, value, handleOnChange, path, context }) {
  const reasons = context.problems[path.join(".")];
  const id = useId();
  const common = {
    field: fieldData,
    label: `Value of ${fieldData.label}`,
    invalid: reasons ? { "aria-invalid": "true", "aria-describedby": id } : {},
  };
  return (
    <>
      <span class="rule-value">{editor(common, operator, value, handleOnChange)}</span>
      {reasons && (
        <span class="rule-problem" id={id}>
          {reasons.join("; ")}
        </span>
      )}
    </>
  );
}

/**
 * @param {Pick<EditorProps, "field" | "label" | "invalid">} common
 * @param {string} operator
 * @param {any} value
 * @param {EditorProps["change"]} change
 */
function editor(common, operator, value, change) {
  if (NULLNESS.includes(operator)) return null;
  if (RELATIVE.includes(operator)) return <Amount {...common} value={value ?? {}} change={change} />;
  if (LISTS.includes(operator)) return <List {...common} value={value ?? []} change={change} />;
  if (PAIRS.includes(operator)) {
    const [low, high] = value ?? [];
    return (
      <>
        <Scalar
          {...common}
          label={`${common.label}, from`}
          value={low}
          change={(/** @type {any} */ one) => change([one, high])}
        />
        <span>and</span>
        <Scalar
          {...common}
          label={`${common.label}, to`}
          value={high}
          change={(/** @type {any} */ one) => change([low, one])}
        />
      </>
    );
  }
  return <Scalar {...common} value={value} change={change} />;
}

/** @param {EditorProps} props */
function Amount({ label, invalid, value, change }) {
  /** @param {import("preact").TargetedEvent<HTMLInputElement>} event */
  const onAmount = (event) => change({ ...value, amount: numeric(event.currentTarget.value) });
  return (
    <>
      <input
        type="number"
        min="1"
        step="1"
        aria-label={`${label}, amount`}
        value={value.amount}
        onInput={onAmount}
        {...invalid}
      />
      <select
        aria-label={`${label}, unit`}
        value={value.unit}
        onChange={(event) => change({ ...value, unit: event.currentTarget.value })}
        {...invalid}
      >
        {UNITS.map((unit) => (
          <option key={unit} value={unit}>
            {unit}s
          </option>
        ))}
      </select>
    </>
  );
}

/** @param {EditorProps} props */
function Scalar(props) {
  switch (props.field.type) {
    case "choice":
      return <Choice {...props} options={props.field.values ?? []} />;
    case "boolean":
      return <YesOrNo {...props} />;
    case "number":
    case "integer":
      return <Numeric {...props} />;
    case "date":
      return <Instant {...props} />;
    case "attribute":
      return <Attribute {...props} />;
    default:
      return <Text {...props} />;
  }
}

/** @param {EditorProps} props */
function Text({ field, label, invalid, value, change }) {
  const list = useId();
  return (
    <>
      <input
        type="text"
        aria-label={label}
        value={shown(field, value)}
        list={field.values ? list : undefined}
        onInput={(event) => change(known(field, event.currentTarget.value)?.name ?? event.currentTarget.value)}
        {...invalid}
      />
      {field.values && (
        <datalist id={list}>
          {field.values.map((one) => (
            <option key={one.name} value={one.label} />
          ))}
        </datalist>
      )}
    </>
  );
}

/**
 * Returns the words of a value.
 * @param {EditorProps["field"]} field
 * @param {any} value
 */
const shown = (field, value) => field.values?.find((option) => option.name === value)?.label ?? value;

/**
 * Returns the option that a person typed by its value or by its words.
 * @param {EditorProps["field"]} field
 * @param {string} text
 */
function known(field, text) {
  const wanted = text.trim().toLowerCase();
  return field.values?.find(({ name, label }) => [name, label].some((one) => one.toLowerCase() === wanted));
}

/** @param {EditorProps} props */
function Numeric({ field, label, invalid, value, change }) {
  const named = field.unit ? `${label}, ${field.unit}` : label;
  return (
    <>
      <input
        type="number"
        step={field.type === "integer" ? "1" : "any"}
        aria-label={named}
        value={value}
        onInput={(event) => change(numeric(event.currentTarget.value))}
        {...invalid}
      />
      {field.unit && <span class="rule-unit">{field.unit}</span>}
    </>
  );
}

/** @param {EditorProps & {options: Option[]}} props */
function Choice({ label, invalid, value, options, change }) {
  return (
    <select aria-label={label} value={value} onChange={(event) => change(event.currentTarget.value)} {...invalid}>
      <option value="">choose …</option>
      {options.map((one) => (
        <option key={one.name} value={one.name}>
          {one.label}
        </option>
      ))}
    </select>
  );
}

/** @param {EditorProps} props */
function YesOrNo({ label, invalid, value, change }) {
  return (
    <select
      aria-label={label}
      value={String(value)}
      onChange={(event) => change(event.currentTarget.value === "true")}
      {...invalid}
    >
      <option value="true">yes</option>
      <option value="false">no</option>
    </select>
  );
}

/**
 * Edits a day or a time. A day is a day in UTC. A time is written with this browser's offset.
 * @param {EditorProps} props
 */
function Instant({ label, invalid, value, change }) {
  const timed = hasTime(value);
  return (
    <>
      <select
        aria-label={`${label}, day or time`}
        value={timed ? "time" : "day"}
        onChange={(event) =>
          change(
            event.currentTarget.value === "time" ? withOffset(`${value || today()}T00:00`) : (value ?? "").slice(0, 10),
          )
        }
      >
        <option value="day">day (UTC)</option>
        <option value="time">time (yours)</option>
      </select>
      {timed ? (
        <input
          type="datetime-local"
          aria-label={label}
          value={localTime(value)}
          onInput={(event) => change(withOffset(event.currentTarget.value))}
          {...invalid}
        />
      ) : (
        <input
          type="date"
          aria-label={label}
          value={value}
          onInput={(event) => change(event.currentTarget.value)}
          {...invalid}
        />
      )}
    </>
  );
}

/** @param {EditorProps} props */
function Attribute({ label, invalid, value, change, field }) {
  const [isNumber, setNumber] = useState(typeof value === "number");
  /** @param {boolean} wanted */
  const compareAs = (wanted) => {
    setNumber(wanted);
    change(wanted ? numeric(String(value ?? "")) : String(value ?? ""));
  };
  return (
    <>
      <select
        aria-label={`${label}, compared as`}
        value={isNumber ? "number" : "text"}
        onChange={(event) => compareAs(event.currentTarget.value === "number")}
      >
        <option value="text">text</option>
        <option value="number">number</option>
      </select>
      {isNumber ? (
        <Numeric {...{ field: { ...field, type: "number" }, label, invalid, value, change }} />
      ) : (
        <Text {...{ field, label, invalid, value, change }} />
      )}
    </>
  );
}

/**
 * Edits a list of values that are typed one by one. A closed select would treat every keystroke as a choice.
 * @param {EditorProps} props
 */
function List({ field, label, invalid, value, change }) {
  const [typed, setTyped] = useState("");
  const list = useId();
  const numbers = field.type === "number" || field.type === "integer" || typeof value[0] === "number";
  const left = (field.values ?? []).filter((option) => !value.includes(option.name));
  /** @param {string} text */
  const read = (text) => {
    if (numbers) return numeric(text);
    return known(field, text)?.name ?? (field.type === "choice" ? "" : text.trim());
  };
  /** @param {string} text */
  const add = (text) => {
    const one = read(text);
    if (one === "") return; // An invalid value stays in the input, so that it can be corrected.
    if (!value.includes(one)) change([...value, one]);
    setTyped("");
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key === "Enter") {
      event.preventDefault(); // Enter adds the value and does not submit the form.
      add(typed);
    }
  };
  const wrong =
    typed !== "" &&
    field.type === "choice" &&
    !left.some(({ name, label }) =>
      [name, label].some((one) => one.toLowerCase().startsWith(typed.trim().toLowerCase())),
    );
  const given = wrong ? { "aria-invalid": "true" } : invalid;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset may not stand inside a span
    <span class="rule-list" role="group" aria-label={`${label}, list`}>
      {value.map((/** @type {any} */ one) => (
        <span class="rule-chip" key={one}>
          {shown(field, one)}
          <button
            type="button"
            aria-label={`Remove ${shown(field, one)}`}
            onClick={() => change(value.filter((/** @type {any} */ other) => other !== one))}
          >
            ×
          </button>
        </span>
      ))}
      <input
        type={numbers ? "number" : "text"}
        step="any"
        aria-label={`${label}, add`}
        placeholder="add, Enter"
        value={typed}
        list={left.length ? list : undefined}
        onInput={(event) => setTyped(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        onBlur={() => add(typed)}
        {...given}
      />
      {left.length > 0 && (
        <datalist id={list}>
          {left.map((one) => (
            <option key={one.name} value={one.label} />
          ))}
        </datalist>
      )}
    </span>
  );
}

/**
 * Converts a text to a number; returns the empty string if it is not a number.
 * @param {string} text
 */
const numeric = (text) => (text.trim() === "" || Number.isNaN(Number(text)) ? "" : Number(text));
