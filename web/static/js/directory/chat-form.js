// The part of the org's settings about its chats: which get news of reps, and which news. Their addresses are the operator's.

import { problemText } from "../format.js";
import { button, field, framed, make, text } from "./fields.js";

/** @import { Field } from "./fields.js" */
/** @import { DirectoryObject, FieldError } from "../types.d.ts" */

/** @typedef {{secret?: string, reps?: string[] | null, templates?: string[] | null}} Service */
/** @typedef {{node: HTMLElement, name: Field, read: () => Service}} Chat */

const MAX_CHATS = 100; // models/publication_reach.py
const EVERYBODY = "*";
/** @type {[string, string][]} template -> what the news is about */
const NEWS = [
  ["lead_offered", "A lead is offered"],
  ["new_lead_button", "A lead is offered by New Lead"],
  ["lead_assigned", "A lead is assigned"],
  ["lead_reassigned", "A lead was reassigned"],
  ["lead_claimed", "Another rep claimed a lead"],
  ["lock_freed", "An open lead was freed"],
  ["new_inquiry", "A lead inquired again"],
  ["callback_due", "A callback is due"],
];

/**
 * @param {string} name of the field in the settings
 * @param {{services?: Service[]} | undefined} value
 * @param {DirectoryObject[]} reps
 * @returns {Field}
 */
export function chatFields(name, value, reps) {
  const { node, container } = framed(
    name,
    "Chats",
    "A chat gets what its reps get as push messages. Its address has a secret, so it is not entered here: the operator gives it to the courier under the chat's name.",
  );
  const list = make("div");
  const add = button("Add a chat", () => {
    chats.push(chat({}, reps, remove));
    changed();
    chats.at(-1)?.name.node.querySelector("input")?.focus();
  });
  container.append(list, make("p", { className: "tools" }, add));

  /** @param {HTMLElement} gone */
  function remove(gone) {
    chats = chats.filter((entry) => entry.node !== gone);
    changed();
    add.focus();
  }

  function changed() {
    node.dispatchEvent(new Event("change"));
    show();
  }

  function show() {
    list.replaceChildren(...chats.map((entry) => entry.node));
    add.disabled = chats.length >= MAX_CHATS;
  }

  let chats = (value?.services ?? []).map((service) => chat(service, reps, remove));
  show();
  const made = field(name, node, () => {
    const services = chats.map((entry) => entry.read());
    return services.length ? { ...value, services } : undefined;
  });
  return Object.assign(made, {
    /** @param {FieldError[]} problems */
    showProblems(problems) {
      chats.forEach((entry, n) => {
        const found = problems.find(({ path }) => path.startsWith(`${name}.services[${n}]`));
        const problemLine = entry.name.node.querySelector("[data-problem]");
        if (!(problemLine instanceof HTMLElement)) return;
        problemLine.textContent = problemText(found);
        problemLine.hidden = !found;
      });
    },
  });
}

/**
 * Makes the inputs of one chat.
 * @param {Service} service
 * @param {DirectoryObject[]} reps
 * @param {(node: HTMLElement) => void} remove
 * @returns {Chat}
 */
function chat(service, reps, remove) {
  const title = service.secret ? `Chat ${service.secret}` : "New chat";
  const node = make("fieldset", { className: "chat" }, make("legend", { textContent: title }));
  const name = text("secret", "Name", service.secret, { hint: "Of a-z, 0-9 and -, such as sales-floor." });
  const wanted = service.templates;
  const boxes = NEWS.map(([template]) =>
    make("input", { type: "checkbox", value: template, checked: !wanted || wanted.includes(template) }),
  );
  const labels = boxes.map((box, n) => make("label", { className: "state" }, box, NEWS[n][1]));
  const news = make("div", { className: "news", role: "group", "aria-label": "News" }, ...labels);
  const everybody = !service.reps || service.reps.includes(EVERYBODY);
  const options = reps.map(({ id, value }) =>
    make("option", { value: id, textContent: value?.name || id, selected: !everybody && service.reps?.includes(id) }),
  );
  const whose = make("select", { multiple: true, size: Math.min(6, Math.max(2, options.length)) }, ...options);
  const label = make("label", {}, "Only news of these reps; everybody's if none is chosen", whose);
  const container = make("div", { className: "field" }, label);
  const gone = button("Remove", () => remove(node), { className: "quiet" });
  gone.setAttribute("aria-label", `Remove ${title}`);
  node.append(name.node, news, container, gone);
  return {
    node,
    name,
    read() {
      /** @type {Service} */
      const found = { ...service, secret: name.read() };
      const chosen = [...whose.selectedOptions].map((option) => option.value);
      if (chosen.length) found.reps = chosen;
      else if (!service.reps?.includes(EVERYBODY)) delete found.reps;
      const others = (wanted ?? []).filter((template) => !NEWS.some(([known]) => known === template));
      const checked = boxes.filter((box) => box.checked).map((box) => box.value);
      if (checked.length === NEWS.length) delete found.templates;
      else found.templates = [...checked, ...others];
      return found;
    },
  };
}
