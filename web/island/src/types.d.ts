// The rule builder's own types. `any` stands for values and rules, which have as many shapes as there are fields.
import type { JSX } from "preact";

/** A field that a rule may ask for, as web/services/rule_fields.py offers it. */
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

/** A condition, or a group of them where it has `rules`. */
export type Node = Record<string, any>;

export type FieldOf = (name: string) => Field;

/** Something that is wrong with the tree. `path`: like `inclusion.rules[1]`. */
export interface Problem {
  path?: string;
  reason: string;
}

/** What every control gets. `groups`: the places of all groups. `free`: names that are typed in. */
export interface Context {
  label: string;
  fields: Field[];
  problems: Record<string, string[]>;
  groups: Set<string>;
  free: Set<string>;
}

/** What react-querybuilder gives to a control. */
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

/** What the editor of a value gets. `invalid`: attributes that tie it to what is wrong with it. */
export interface EditorProps {
  field: Field;
  label: string;
  invalid: JSX.HTMLAttributes;
  value: any;
  change: (value: any) => void;
}
