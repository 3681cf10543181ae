// <rule-builder data-name="inclusion" data-label="…" data-fields="[…]" data-value="{…}" data-problems="[…]">
//
// Keeps the tree as JSON in a hidden input of that name and fires `change` from it. `data-fields-from` names an
// element with the fields as its text instead, for pages with several builders. What is wrong with the tree comes as
// `data-problems` or by the event `rule-problems`, whose detail is the same list: {path, reason}.
import { render } from "preact";
import { Builder } from "./builder.jsx";
import "./builder.css";
import { EMPTY } from "./tree.js";

class RuleBuilder extends HTMLElement {
  connectedCallback() {
    if (this.input) return;
    const { name, label, fields, fieldsFrom, value } = this.dataset;
    this.fields = JSON.parse(fieldsFrom ? document.querySelector(fieldsFrom).textContent : fields);
    this.problems = JSON.parse(this.dataset.problems || "[]");
    const given = JSON.parse(value || "null");
    this.initial = given?.rules?.length ? { not: false, combinator: "and", ...given } : EMPTY;
    this.input = Object.assign(document.createElement("input"), { type: "hidden", name, value: JSON.stringify(given ?? EMPTY) });
    this.room = document.createElement("div");
    this.replaceChildren(this.input, this.room);
    this.label = label || name;
    this.addEventListener("rule-problems", (event) => this.tell(event.detail));
    this.draw();
  }

  disconnectedCallback() {
    queueMicrotask(() => {
      if (this.isConnected || !this.input) return; // it was moved, not removed
      render(null, this.room);
      this.input = null;
    });
  }

  get value() {
    return JSON.parse(this.input.value);
  }

  tell(problems) {
    this.problems = problems;
    this.draw();
  }

  draw() {
    render(
      <Builder
        root={this.dataset.name}
        label={this.label}
        fields={this.fields}
        initial={this.initial}
        problems={this.problems}
        host={this}
        onChange={(tree) => {
          this.input.value = JSON.stringify(tree);
          this.tell([]);
          this.input.dispatchEvent(new Event("change", { bubbles: true }));
        }}
      />,
      this.room,
    );
  }
}

customElements.define("rule-builder", RuleBuilder);
