// A roster in its order: moved by drag, or by buttons from the keyboard, and every move is said.

import { say } from "../say.js";
import { button, composed, framed, make } from "./fields.js";

export function roster(name, legend, value, reps, hint) {
  const { node, place } = framed(name, legend, hint);
  const members = (value ?? []).map((one) => ({ ...one }));
  const lines = make("ol", { className: "roster" });
  const empty = make("p", { className: "hint", textContent: "Nobody is on it yet: add somebody below." });
  const choose = make("select", { "aria-label": "Somebody to add" });
  const add = button("Add to the roster", () => {
    const rep = choose.value;
    if (!rep) return;
    members.push({ rep_id: rep, weight: 1 });
    changed();
    say(`${named(rep)} is ${members.length} of ${members.length} on the roster.`);
    lines.lastElementChild?.querySelector("button:not(:disabled)")?.focus();
  });
  place.append(lines, empty, make("p", { className: "tools" }, choose, add));

  const named = (rep) => reps.find((one) => one.id === rep)?.value.name || rep;

  function changed() {
    node.dispatchEvent(new Event("change"));
    show();
  }

  function move(from, to, how) {
    if (to < 0 || to >= members.length || from === to) return;
    const [one] = members.splice(from, 1);
    members.splice(to, 0, one);
    changed();
    say(`${named(one.rep_id)} is now ${to + 1} of ${members.length}.`);
    const line = lines.children[to];
    const again = how && line.querySelector(`[data-move="${how}"]`);
    (again && !again.disabled ? again : line.querySelector("button:not(:disabled)")).focus();
  }

  let dragged = null;
  function line(member, n) {
    const who = named(member.rep_id);
    const off = reps.find((one) => one.id === member.rep_id)?.value.active === false;
    const weight = make("input", { type: "number", min: 1, max: 1000, value: member.weight ?? 1, className: "weight" });
    weight.setAttribute("aria-label", `Weight of ${who}`);
    weight.addEventListener("change", () => (member.weight = Number(weight.value) || weight.value));
    const steps = [
      ["up", n - 1, "Up", n === 0],
      ["down", n + 1, "Down", n === members.length - 1],
    ].map(([how, to, text, disabled]) => {
      const step = button(text, () => move(n, to, how), { disabled, data: { move: how } });
      step.setAttribute("aria-label", `Move ${who} ${how}`);
      return step;
    });
    const remove = button("Remove", () => {
      members.splice(n, 1);
      changed();
      say(`${who} is off the roster.`);
      (lines.children[Math.min(n, members.length - 1)]?.querySelector("button:not(:disabled)") ?? choose).focus();
    }, { className: "quiet" });
    remove.setAttribute("aria-label", `Remove ${who} from the roster`);
    const made = make(
      "li",
      { draggable: true, data: { rep: member.rep_id, path: `members[${n}]` } },
      make("span", { className: "grip", "aria-hidden": "true", textContent: "⠿", title: "Drag to move" }),
      make("span", { className: "name", textContent: off ? `${who} (switched off)` : who }),
      make("label", { className: "inline" }, "weight", weight),
      ...steps,
      remove,
    );
    made.addEventListener("dragstart", (event) => {
      dragged = n;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", member.rep_id);
      made.classList.add("dragged");
    });
    made.addEventListener("dragend", () => {
      dragged = null;
      for (const one of lines.children) one.classList.remove("dragged", "over");
    });
    made.addEventListener("dragover", (event) => {
      if (dragged === null) return;
      event.preventDefault();
      for (const one of lines.children) one.classList.toggle("over", one === made);
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
    const on = new Set(members.map((one) => one.rep_id));
    const others = reps.filter((one) => !on.has(one.id) && (one.value.role ?? "rep") === "rep");
    choose.replaceChildren(
      make("option", { value: "", textContent: others.length ? "Choose somebody" : "Everybody is on it" }),
      ...others.map((one) => make("option", { value: one.id, textContent: one.value.name || one.id })),
    );
  }

  show();
  return composed(name, node, () => members);
}
