// Editors of a rule's value: one for each shape, all of them plain form controls with a name.
import { useId, useState } from "preact/hooks";
import { LISTS, NULLNESS, PAIRS, RELATIVE } from "./tree.js";

const UNITS = ["minute", "hour", "day", "week"];
const WITH_TIME = /T/;

export function ValueEditor({ field, fieldData, operator, value, handleOnChange, path, context }) {
  const reasons = context.problems[path.join(".")];
  const id = useId();
  const common = {
    field: fieldData,
    label: `Value of ${fieldData.label}`,
    invalid: reasons ? { "aria-invalid": "true", "aria-describedby": id } : {},
  };
  return (
    <>
      <span class="rule-value">{editor(common, operator, value, handleOnChange, field)}</span>
      {reasons && (
        <span class="rule-problem" id={id}>
          {reasons.join("; ")}
        </span>
      )}
    </>
  );
}

function editor(common, operator, value, change) {
  if (NULLNESS.includes(operator)) return null;
  if (RELATIVE.includes(operator)) return <Amount {...common} value={value ?? {}} change={change} />;
  if (LISTS.includes(operator)) return <List {...common} value={value ?? []} change={change} />;
  if (PAIRS.includes(operator)) {
    const [low, high] = value ?? [];
    return (
      <>
        <Scalar {...common} label={`${common.label}, from`} value={low} change={(one) => change([one, high])} />
        <span>and</span>
        <Scalar {...common} label={`${common.label}, to`} value={high} change={(one) => change([low, one])} />
      </>
    );
  }
  return <Scalar {...common} value={value} change={change} />;
}

function Amount({ label, invalid, value, change }) {
  const amount = (event) => change({ ...value, amount: numeric(event.currentTarget.value) });
  return (
    <>
      <input type="number" min="1" step="1" aria-label={`${label}, amount`} value={value.amount} onInput={amount} {...invalid} />
      <select aria-label={`${label}, unit`} value={value.unit} onChange={(event) => change({ ...value, unit: event.currentTarget.value })} {...invalid}>
        {UNITS.map((unit) => (
          <option key={unit} value={unit}>
            {unit}s
          </option>
        ))}
      </select>
    </>
  );
}

function Scalar(given) {
  switch (given.field.type) {
    case "choice":
      return <Choice {...given} options={given.field.values} />;
    case "boolean":
      return <Truth {...given} />;
    case "number":
    case "integer":
      return <Numeric {...given} />;
    case "date":
      return <Instant {...given} />;
    case "attribute":
      return <Attribute {...given} />;
    default:
      return <Words {...given} />;
  }
}

function Words({ field, label, invalid, value, change }) {
  const list = useId();
  return (
    <>
      <input type="text" aria-label={label} value={value} list={field.values ? list : undefined} onInput={(event) => change(event.currentTarget.value)} {...invalid} />
      {field.values && (
        <datalist id={list}>
          {field.values.map((one) => (
            <option key={one.name} value={one.name} />
          ))}
        </datalist>
      )}
    </>
  );
}

function Numeric({ field, label, invalid, value, change }) {
  const named = field.unit ? `${label}, ${field.unit}` : label;
  return (
    <>
      <input type="number" step={field.type === "integer" ? "1" : "any"} aria-label={named} value={value} onInput={(event) => change(numeric(event.currentTarget.value))} {...invalid} />
      {field.unit && <span class="rule-unit">{field.unit}</span>}
    </>
  );
}

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

function Truth({ label, invalid, value, change }) {
  return (
    <select aria-label={label} value={String(value)} onChange={(event) => change(event.currentTarget.value === "true")} {...invalid}>
      <option value="true">yes</option>
      <option value="false">no</option>
    </select>
  );
}

// A day is that day in UTC; a time is written with this browser's offset.
function Instant({ label, invalid, value, change }) {
  const timed = WITH_TIME.test(value ?? "");
  return (
    <>
      <select aria-label={`${label}, day or time`} value={timed ? "time" : "day"} onChange={(event) => change(event.currentTarget.value === "time" ? withOffset(`${value || today()}T00:00`) : (value ?? "").slice(0, 10))}>
        <option value="day">day (UTC)</option>
        <option value="time">time (yours)</option>
      </select>
      {timed ? (
        <input type="datetime-local" aria-label={label} value={local(value)} onInput={(event) => change(withOffset(event.currentTarget.value))} {...invalid} />
      ) : (
        <input type="date" aria-label={label} value={value} onInput={(event) => change(event.currentTarget.value)} {...invalid} />
      )}
    </>
  );
}

function Attribute({ label, invalid, value, change, field }) {
  const [number, setNumber] = useState(typeof value === "number");
  const as = (wanted) => {
    setNumber(wanted);
    change(wanted ? numeric(String(value ?? "")) : String(value ?? ""));
  };
  return (
    <>
      <select aria-label={`${label}, compared as`} value={number ? "number" : "text"} onChange={(event) => as(event.currentTarget.value === "number")}>
        <option value="text">text</option>
        <option value="number">number</option>
      </select>
      {number ? (
        <Numeric {...{ field: { ...field, type: "number" }, label, invalid, value, change }} />
      ) : (
        <Words {...{ field, label, invalid, value, change }} />
      )}
    </>
  );
}

// Typed and entered one by one: a closed select would take every keystroke for a choice.
function List({ field, label, invalid, value, change }) {
  const [draft, setDraft] = useState("");
  const list = useId();
  const numbers = field.type === "number" || field.type === "integer" || typeof value[0] === "number";
  const left = (field.values ?? []).filter((option) => !value.includes(option.name));
  const read = (text) => {
    if (numbers) return numeric(text);
    const known = field.values?.find((option) => option.name.toLowerCase() === text.trim().toLowerCase());
    return field.type === "choice" ? (known?.name ?? "") : text.trim();
  };
  const add = (text) => {
    const one = read(text);
    if (one === "") return; // what is no value of the field stays to be corrected
    if (!value.includes(one)) change([...value, one]);
    setDraft("");
  };
  const onKeyDown = (event) => {
    if (event.key === "Enter") {
      event.preventDefault(); // it adds the value, it does not send the form
      add(draft);
    }
  };
  const wrong = draft !== "" && field.type === "choice" && !left.some((option) => option.name.toLowerCase().startsWith(draft.trim().toLowerCase()));
  const given = wrong ? { "aria-invalid": "true" } : invalid;
  return (
    <span class="rule-list" role="group" aria-label={`${label}, list`}>
      {value.map((one) => (
        <span class="rule-chip" key={one}>
          {one}
          <button type="button" aria-label={`Remove ${one}`} onClick={() => change(value.filter((other) => other !== one))}>
            ×
          </button>
        </span>
      ))}
      <input type={numbers ? "number" : "text"} step="any" aria-label={`${label}, add`} placeholder="add, Enter" value={draft} list={left.length ? list : undefined} onInput={(event) => setDraft(event.currentTarget.value)} onKeyDown={onKeyDown} onBlur={() => add(draft)} {...given} />
      {left.length > 0 && (
        <datalist id={list}>
          {left.map((one) => (
            <option key={one.name} value={one.name} />
          ))}
        </datalist>
      )}
    </span>
  );
}

const numeric = (text) => (text.trim() === "" || Number.isNaN(Number(text)) ? "" : Number(text));
const today = () => new Date().toISOString().slice(0, 10);
const two = (number) => String(number).padStart(2, "0");

function local(value) {
  const at = new Date(value);
  if (Number.isNaN(at.getTime())) return "";
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

function withOffset(text) {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return "";
  const minutes = -at.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${local(text)}:00${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}
