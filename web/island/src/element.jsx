// <rule-builder data-name="inclusion" data-label="…" data-fields="[…]" data-value="{…}" data-problems="[…]">
//
// Stores the tree as JSON in a hidden input of that name and fires `change` from it. On a page with several builders,
// `data-fields-from` names an element whose text is the fields. Problems of the tree come as `data-problems`, or
// in the event `rule-problems`, whose detail is the same list: {path, reason}.
import { options, render } from "preact";
import { Builder } from "./builder.jsx";
import "./builder.css";
import { EMPTY } from "./tree.js";

/** @import { Field, Node, Problem } from "./types.d.ts" */

// The query builder copies its tree into a store in an effect. React runs the effects of a click or key before the next
// event; Preact waits for the next frame. A key pressed in between would work on the tree before last and lose a change.
options.requestAnimationFrame = queueMicrotask;

class RuleBuilder extends HTMLElement {
  /** @type {HTMLInputElement | null} null while the element is not on the page */
  input = null;
  place = document.createElement("div");
  /** @type {Field[]} */
  fields = [];
  /** @type {Problem[]} */
  problems = [];
  /** @type {Node} */
  initial = EMPTY;

  constructor() {
    super();
    this.addEventListener("rule-problems", (event) => {
      if (event instanceof CustomEvent) this.showProblems(event.detail);
    });
  }

  connectedCallback() {
    if (this.input) return;
    const { name = "", fields, fieldsFrom, value, problems } = this.dataset;
    const fieldsText = fieldsFrom ? document.querySelector(fieldsFrom)?.textContent : fields;
    this.fields = JSON.parse(fieldsText ?? "[]");
    this.problems = JSON.parse(problems || "[]");
    const given = JSON.parse(value || "null");
    this.initial = given?.rules?.length ? { not: false, combinator: "and", ...given } : EMPTY;
    this.input = document.createElement("input");
    Object.assign(this.input, { type: "hidden", name, value: JSON.stringify(given ?? EMPTY) });
    this.replaceChildren(this.input, this.place);
    this.draw();
  }

  disconnectedCallback() {
    queueMicrotask(() => {
      if (this.isConnected || !this.input) return; // The element was moved, not removed.
      render(null, this.place);
      this.input = null;
    });
  }

  get value() {
    return JSON.parse(this.input?.value ?? "null");
  }

  /** @param {Problem[]} problems */
  showProblems(problems) {
    this.problems = problems;
    this.draw();
  }

  /** @param {Node} tree */
  keep(tree) {
    if (!this.input) return;
    this.input.value = JSON.stringify(tree);
    this.showProblems([]);
    this.input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  draw() {
    const { name = "", label } = this.dataset;
    render(
      <Builder
        root={name}
        label={label || name}
        fields={this.fields}
        initial={this.initial}
        problems={this.problems}
        host={this}
        onChange={(tree) => this.keep(tree)}
      />,
      this.place,
    );
  }
}

customElements.define("rule-builder", RuleBuilder);
