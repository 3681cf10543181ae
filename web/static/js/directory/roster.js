// An ordered roster. Members are moved by dragging or by buttons. Screen readers announce every move.

import { say } from "../say.js";
import { button, field, framed, make } from "./fields.js";

/** @import { DirectoryObject } from "../types.d.ts" */

/** @typedef {{rep_id: string, weight?: number | string}} Member */

/**
 * @param {string} name
 * @param {string} legend
 * @param {Member[] | undefined} value
 * @param {DirectoryObject[]} reps
 * @param {string} hint
 */
export function roster(name, legend, value, reps, hint) {
  const { node, container } = framed(name, legend, hint);
  const members = (value ?? []).map((member) => ({ ...member }));
  const lines = make("ol", { className: "roster" });
  const empty = make("p", { className: "hint", textContent: "The roster is empty. Add a rep below." });
  const choose = make("select", { "aria-label": "Rep to add" });
  const add = button("Add to the roster", () => {
    const rep = choose.value;
    if (!rep) return;
    members.push({ rep_id: rep, weight: 1 });
    changed();
    say(`${named(rep)} was added as number ${members.length} of the roster.`);
    focusButton(lines.lastElementChild);
  });
  container.append(lines, empty, make("p", { className: "tools" }, choose, add));

  /**
   * @param {Element | null | undefined} line of a member; without one, the select for a new member gets the focus
   */
  function focusButton(line) {
    const first = line?.querySelector("button:not(:disabled)");
    (first instanceof HTMLElement ? first : choose).focus();
  }

  /** @param {string} rep */
  const named = (rep) => reps.find((each) => each.id === rep)?.value.name || rep;

  function changed() {
    node.dispatchEvent(new Event("change"));
    show();
  }

  /**
   * @param {number} from
   * @param {number} to
   * @param {string} [direction] of the button that was pressed
   */
  function move(from, to, direction) {
    if (to < 0 || to >= members.length || from === to) return;
    const [moved] = members.splice(from, 1);
    members.splice(to, 0, moved);
    changed();
    say(`${named(moved.rep_id)} is now ${to + 1} of ${members.length}.`);
    const line = lines.children[to];
    const again = direction && line.querySelector(`[data-move="${direction}"]`);
    if (again instanceof HTMLButtonElement && !again.disabled) again.focus();
    else focusButton(line);
  }

  /** @type {number | null} */
  let dragged = null;
  /**
   * @param {Member} member
   * @param {number} n
   */
  function line(member, n) {
    const who = named(member.rep_id);
    const off = reps.find((rep) => rep.id === member.rep_id)?.value.active === false;
    const weight = make("input", { type: "number", min: 1, max: 1000, value: member.weight ?? 1, className: "weight" });
    weight.setAttribute("aria-label", `Weight of ${who}`);
    weight.addEventListener("change", () => {
      member.weight = Number(weight.value) || weight.value;
    });
    const steps = [
      { direction: "up", to: n - 1, text: "Up", disabled: n === 0 },
      { direction: "down", to: n + 1, text: "Down", disabled: n === members.length - 1 },
    ].map(({ direction, to, text, disabled }) => {
      const step = button(text, () => move(n, to, direction), { disabled, data: { move: direction } });
      step.setAttribute("aria-label", `Move ${who} ${direction}`);
      return step;
    });
    const remove = button(
      "Remove",
      () => {
        members.splice(n, 1);
        changed();
        say(`${who} was removed from the roster.`);
        focusButton(lines.children[Math.min(n, members.length - 1)]);
      },
      { className: "quiet" },
    );
    remove.setAttribute("aria-label", `Remove ${who} from the roster`);
    const made = make(
      "li",
      { draggable: true, data: { rep: member.rep_id, path: `members[${n}]` } },
      make("span", { className: "grip", "aria-hidden": "true", textContent: "⠿", title: "Drag to move" }),
      make("span", { className: "name", textContent: off ? `${who} (inactive)` : who }),
      make("label", { className: "inline" }, "weight", weight),
      ...steps,
      remove,
    );
    made.addEventListener("dragstart", (event) => {
      dragged = n;
      if (event.dataTransfer) event.dataTransfer.effectAllowed = "move";
      event.dataTransfer?.setData("text/plain", member.rep_id);
      made.classList.add("dragged");
    });
    made.addEventListener("dragend", () => {
      dragged = null;
      for (const other of lines.children) other.classList.remove("dragged", "over");
    });
    made.addEventListener("dragover", (event) => {
      if (dragged === null) return;
      event.preventDefault();
      for (const other of lines.children) other.classList.toggle("over", other === made);
    });
    made.addEventListener("drop", (event) => {
      event.preventDefault();
      if (dragged !== null) move(dragged, n);
    });
    return made;
  }

  function show() {
    lines.replaceChildren(...members.map(line));
    empty.hidden = members.length > 0;
    const on = new Set(members.map((member) => member.rep_id));
    const others = reps.filter((rep) => !on.has(rep.id) && (rep.value.role ?? "rep") === "rep");
    choose.replaceChildren(
      make("option", { value: "", textContent: others.length ? "Choose a rep" : "All reps are on it" }),
      ...others.map((rep) => make("option", { value: rep.id, textContent: rep.value.name || rep.id })),
    );
  }

  show();
  return field(name, node, () => members);
}
