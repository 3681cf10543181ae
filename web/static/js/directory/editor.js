// The form of one object: its value, whether it differs from the published object, and its problems.

import { elements, finder } from "../dom.js";
import { signInFieldset } from "./accounts.js";
import { data, KIND_LABELS, objectsOf, openObject } from "./data.js";
import { make } from "./fields.js";
import { FORMS } from "./forms.js";
import { portfolioFieldset } from "./portfolio.js";

/** @import { FieldError } from "../types.d.ts" */
/** @import { Field } from "./fields.js" */

const find = finder(document);
const form = find("[data-form]", "form");
const footer = find("[data-footer]");
const notice = find("[data-notice]");

/**
 * Returns canonical JSON: equal objects give equal texts.
 * @param {unknown} value
 */
export const canonical = (value) =>
  JSON.stringify(value, (_, member) =>
    member && typeof member === "object" && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );

export const editor = {
  title: find("#editor-title"),
  /** @type {Record<string, any>} what is published */
  base: {},
  /** @type {string | null} null for a new object */
  etag: null,
  /** @type {Field[]} */
  fields: [],

  /** Updates the published value and leaves the form unchanged. */
  rebase() {
    const found = openObject();
    this.base = found?.value ?? {};
    this.etag = found?.etag ?? null;
  },

  /** Draws the form of the published object. */
  load() {
    this.rebase();
    const label = KIND_LABELS[data.kind];
    if (!data.id) {
      this.title.textContent = objectsOf(data.kind).length
        ? `Choose a ${label} from the list.`
        : `There is no ${label} yet.`;
      form.replaceChildren();
      footer.hidden = true;
      return;
    }
    const isPublished = openObject() !== undefined;
    this.title.textContent = isPublished ? this.base.name || data.id : `New ${label}: ${data.id}`;
    if (data.kind === "settings") this.title.textContent = "Settings of the org";
    const context = { codes: data.states, reps: objectsOf("rep"), groups: objectsOf("group"), outcomes: data.outcomes };
    this.fields = FORMS[data.kind](this.base, context);
    const properties = { className: "plain", disabled: !data.may_write };
    const fieldset = make("fieldset", properties, ...this.fields.map((field) => field.node));
    form.replaceChildren(fieldset);
    if (data.kind === "rep") form.append(signInFieldset(isPublished, this.base.email));
    if (data.kind === "rep" && isPublished) form.append(portfolioFieldset(data.id, this.base.name || data.id));
    footer.hidden = !data.may_write;
    find("[data-remove]").hidden = !isPublished || data.kind === "settings";
    this.showDirty();
  },

  /** @returns {Record<string, any>} the published value, with the fields that were changed here */
  value() {
    const value = structuredClone(this.base);
    for (const field of this.fields.filter((field) => field.touched)) {
      const read = field.read();
      if (read === undefined) delete value[field.name];
      else value[field.name] = read;
    }
    return value;
  },

  isDirty() {
    return Boolean(data.id) && data.may_write && canonical(this.value()) !== canonical(this.base);
  },

  showDirty() {
    const isDirty = this.isDirty();
    const published = this.etag ? "As published" : "Not published yet";
    find("[data-dirty]").textContent = isDirty ? "Unpublished changes" : published;
    find("[data-discard]", "button").disabled = !isDirty;
    find("[data-review]", "button").disabled = Boolean(this.etag) && !isDirty;
  },

  /**
   * Returns the label of a field. For a path inside a field, its place and name follow, such as "Roster 2, weight".
   * @param {string} path
   */
  labelOf(path) {
    const [, name, inner] = /^([^.[]*)(.*)$/.exec(path) ?? [];
    const field = this.fields.find((each) => each.name === name);
    const label = field?.node.querySelector("label, legend")?.textContent ?? name.replaceAll("_", " ");
    const rest = inner
      .replaceAll(/\[(\d+)\]/g, (_, n) => ` ${Number(n) + 1}`)
      .replaceAll(/\.(\w+)/g, (_, word) => `, ${word.replaceAll("_", " ").replace(/ id$/, "")}`);
    return label + rest;
  },

  /** Whether an account is also created for the new rep. */
  wantsAccount() {
    return elements("[data-account]", form, "input").some((box) => box.checked);
  },

  /** @param {string} text */
  showNotice(text) {
    notice.textContent = text;
    notice.hidden = text === "";
  },

  clearErrors() {
    this.showNotice("");
    for (const message of elements("[data-problem]", form, "p")) message.hidden = true;
    for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    for (const field of this.fields) field.showProblems?.([]);
  },

  /** @param {FieldError[]} errors shown at their fields, or above the form if it has no such field */
  showErrors(errors) {
    this.clearErrors();
    /** @type {HTMLElement | null} */
    let first = null;
    const others = [];
    for (const { path, reason } of errors) {
      const name = path.split(/[.[]/)[0];
      const field = this.fields.find((each) => each.name === name);
      if (!field) {
        others.push(reason);
        continue;
      }
      field.showProblems?.(errors.filter((error) => error.path.startsWith(name)));
      const message = field.node.querySelector(":scope > [data-problem]");
      if (message instanceof HTMLElement) {
        const words = reason.startsWith(`${path}: `) ? reason.slice(path.length + 2) : reason;
        message.textContent = message.hidden ? words : `${message.textContent}; ${words}`;
        message.hidden = false;
      }
      const wrong =
        field.node.querySelector("[aria-invalid]") ??
        field.node.querySelector(".field:has(> [data-problem]:not([hidden])) input");
      const input = wrong ?? field.node.querySelector("input, select, button");
      if (!(input instanceof HTMLElement)) continue;
      input.setAttribute("aria-invalid", "true");
      first ??= input;
    }
    this.showNotice(others.join("; "));
    first?.focus();
  },
};

const showDirtyAfterwards = () => queueMicrotask(() => editor.showDirty());
form.addEventListener("input", showDirtyAfterwards);
form.addEventListener("click", showDirtyAfterwards);
// The change of a field with several inputs does not bubble, so the form listens in the capture phase.
form.addEventListener("change", showDirtyAfterwards, true);
form.addEventListener("submit", (event) => event.preventDefault());
