// The rule builder's types. Values and rules have type `any`, because their shape depends on the field.
import type { JSX } from "preact";

/** A field that a rule may use, in the form of web/services/rule_fields.py. */
export interface Field {
  name: string;
  label: string;
  group: string;
  type: string;
  unit?: string | null;
  values?: Option[];
  operators: Option[];
}

export interface Option {
  name: string;
  label: string;
}

/** A condition, or a group of conditions if it has `rules`. */
export type Node = Record<string, any>;

export type FieldOf = (name: string) => Field;

/** A problem of the tree. `path`: like `inclusion.rules[1]`. */
export interface Problem {
  path?: string;
  reason: string;
}

/** The context of every control. `groups`: the positions of all groups. `free`: names that the person types. */
export interface Context {
  label: string;
  fields: Field[];
  problems: Record<string, string[]>;
  groups: Set<string>;
  free: Set<string>;
}

/** The properties that react-querybuilder passes to a control. */
export interface ControlProps {
  value: any;
  options: Option[];
  path: number[];
  context: Context;
  checked?: boolean;
  operator: string;
  fieldData: Field;
  handleOnChange: (value: any) => void;
  handleOnClick: () => void;
}

/** The properties of a value's editor. `invalid`: attributes that connect the editor to its error messages. */
export interface EditorProps {
  field: Field;
  label: string;
  invalid: JSX.HTMLAttributes;
  value: any;
  change: (value: any) => void;
}
