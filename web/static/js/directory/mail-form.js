// The part of the org's settings about its mails to reps: sender, look and words.

import { problemText } from "../format.js";
import { choice, field, framed, make, text, toggle } from "./fields.js";

/** @import { Field } from "./fields.js" */
/** @import { FieldError } from "../types.d.ts" */

/** @type {[string, string][]} template -> what the mail is about */
const MAILS = [
  ["lead_offered", "A lead is offered"],
  ["lead_assigned", "A lead is assigned"],
  ["lead_reassigned", "A lead was reassigned"],
  ["lead_claimed", "Another rep claimed a lead"],
  ["new_inquiry", "A lead inquired again"],
  ["callback_due", "A callback is due"],
  ["exception_digest", "Leads need a decision"],
];

/**
 * @param {string} name of the field in the settings
 * @param {Record<string, any> | undefined} value
 * @returns {Field}
 */
export function mailFields(name, value) {
  const { node, container } = framed(name, "Mails to reps", "What is not given here is as the operator set it up.");
  const parts = [
    text("sender", "Sender's address", value?.sender, { type: "email" }),
    text("sender_name", "Sender's name", value?.sender_name),
    text("lender", "Name at the top of a mail", value?.lender),
    text("logo_url", "Address of the picture at the top", value?.logo_url, { type: "url" }),
    text("support", "Address for questions", value?.support, { type: "email" }),
    text("console_url", "Address that links lead to", value?.console_url, { type: "url" }),
    toggle("names_in_subjects", "Subjects and push messages have the lead's name", value?.names_in_subjects ?? false, {
      hint: "They are shown on locked screens.",
    }),
  ];
  /** @type {Record<string, any>} */
  const words = structuredClone(value?.words ?? {});
  const which = choice("template", "Own words for", MAILS[0][0], MAILS);
  const subject = text("subject", "Subject", undefined);
  const opening = text("opening", "First sentence", undefined);
  container.append(...[...parts, which, subject, opening].map((part) => part.node));

  /** Shows the words of the chosen mail. */
  function show() {
    const own = words[which.read()] ?? {};
    for (const part of [subject, opening]) input(part).value = own[part.name] ?? "";
  }

  function keep() {
    const own = { ...words[which.read()], subject: subject.read(), opening: opening.read() };
    for (const key of Object.keys(own)) if (own[key] === undefined) delete own[key];
    if (Object.keys(own).length) words[which.read()] = own;
    else delete words[which.read()];
  }

  which.node.addEventListener("change", show);
  for (const part of [subject, opening]) part.node.addEventListener("input", keep);
  show();

  const made = field(name, node, () => {
    /** @type {Record<string, any>} */
    const found = { ...value };
    for (const part of parts) {
      const read = part.read();
      if (read === undefined || (part.name === "names_in_subjects" && !read)) delete found[part.name];
      else found[part.name] = read;
    }
    if (Object.keys(words).length) found.words = words;
    else delete found.words;
    return Object.keys(found).length ? found : undefined;
  });
  return Object.assign(made, {
    /** @param {FieldError[]} problems */
    showProblems(problems) {
      for (const part of [...parts, subject, opening]) {
        const found = problems.find(({ path }) => path.split(".").includes(part.name));
        const problemLine = part.node.querySelector("[data-problem]");
        if (!(problemLine instanceof HTMLElement)) continue;
        problemLine.textContent = problemText(found);
        problemLine.hidden = !found;
      }
    },
  });
}

/** @param {Field} part */
function input(part) {
  const found = part.node.querySelector("input");
  return found ?? make("input");
}
