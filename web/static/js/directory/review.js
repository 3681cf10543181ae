// Publishes an object: a dry run, a review of changes and effects, and the handling of a conflicting publication.

import { call, messageOf, Problem } from "../api.js";
import { finder } from "../dom.js";
import { say } from "../say.js";
import { fillTable } from "../small-table.js";
import { data, KIND_LABELS, objectPath, objectsOf } from "./data.js";
import { canonical, editor } from "./editor.js";
import { make } from "./fields.js";

/** @import { ProblemBody } from "../types.d.ts" */

/** @typedef {{path: string, old: unknown, new: unknown}} Change */

const find = finder(document);
const reviewDialog = find("#review", "dialog");
const lostDialog = find("#lost", "dialog");
const publishButton = find("[data-publish]", "button");

/** @type {"PUT" | "DELETE"} */
let method = "PUT";

/**
 * Formats a value of an object as words.
 * @param {any} value
 * @returns {string}
 */
function written(value) {
  if (value === null || value === undefined || value === "") return "not set";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.length ? value.map(written).join(", ") : "none";
  if (typeof value !== "object") return String(value);
  if (value.outcome && value.label) return value.label;
  if (value.rep_id) return objectsOf("rep").find(({ id }) => id === value.rep_id)?.value.name || value.rep_id;
  if (value.from && value.to) return `${[value.days ?? []].flat().join(", ")} ${value.from} to ${value.to}`.trim();
  const parts = Object.entries(value).filter(([, member]) => member !== null && member !== undefined);
  return parts.map(([name, member]) => `${name.replaceAll("_", " ")} ${written(member)}`).join(", ");
}

/**
 * Returns the published value. A box that was never published stands as its default, which is the opposite of a change.
 * @param {Change} change
 */
function before({ old, new: now }) {
  return typeof now === "boolean" && (old === null || old === undefined) ? !now : old;
}

/**
 * Says whether the table shows a change. The sentences above it say who moved to which place of a roster.
 * @param {Change} change
 */
function isInTable({ path, old, new: now }) {
  return !(/^members\[\d+\]\.rep_id$/.test(path) && old && now);
}

/** @param {string} [query] */
function send(query = "") {
  const body = method === "PUT" ? editor.value() : undefined;
  return call(method, objectPath() + query, body, editor.etag ? { "if-match": editor.etag } : {});
}

/** @param {unknown} error */
function showFailure(error) {
  if (error instanceof Problem && error.status === 422) {
    editor.showErrors(error.body.errors?.length ? error.body.errors : [{ path: "", reason: error.message }]);
    say("This cannot be published yet. The fields show what is wrong.");
  } else if (error instanceof Problem && error.status === 412) showLost(error.body);
  else say(messageOf(error));
}

function question() {
  const value = editor.value();
  const what = data.kind === "settings" ? "settings" : `${KIND_LABELS[data.kind]} ${value.name || data.id}`;
  if (method === "DELETE") return `Remove ${what}?`;
  return editor.etag ? `Publish these changes of ${what}?` : `Publish the new ${what}?`;
}

/**
 * Runs the change as a dry run and shows its effects.
 * @param {"PUT" | "DELETE"} wanted
 */
async function review(wanted) {
  method = wanted;
  try {
    /** @type {{effects: string[], changes: Change[]}} */
    const { effects, changes } = await send("?dry_run=true");
    editor.clearErrors();
    find("#review-title").textContent = question();
    find("[data-effects]").replaceChildren(...effects.map((text) => make("li", { textContent: text })));
    fillTable(
      find("[data-changes]", "table"),
      ["What", "Published", "Yours"],
      changes.filter(isInTable).map((change) => {
        const after = method === "DELETE" ? "removed" : written(change.new);
        return [editor.labelOf(change.path), written(before(change)), after];
      }),
      changes.length ? "Nothing else differs." : "Nothing differs from what is published.",
    );
    publishButton.textContent = method === "DELETE" ? "Remove" : "Publish";
    reviewDialog.showModal();
    publishButton.focus();
  } catch (error) {
    showFailure(error);
  }
}

/** @param {ProblemBody} body */
function showLost(body) {
  find("[data-lost-why]").textContent = `${body.detail}. Your changes were not published.`;
  /** @type {Change[]} */
  const changes =
    body.changes ??
    Object.entries(body.current ?? {})
      .map(([path, now]) => ({ path, old: editor.base[path], new: now }))
      .filter((change) => canonical(change.old) !== canonical(change.new));
  fillTable(
    find("[data-lost-changes]", "table"),
    ["What", "Was", "Is now"],
    changes.map((change) => [editor.labelOf(change.path), written(change.old), written(change.new)]),
    "You see no difference.",
  );
  lostDialog.showModal();
}

/**
 * @typedef {object} Outcomes
 * @property {(value: Record<string, any>, isNew: boolean) => Promise<void>} onPublish
 * @property {() => void} onRemove
 * @property {() => Promise<void>} onTakeTheirs
 * @property {() => Promise<void>} onKeepMine
 */

/** @param {Outcomes} outcomes */
export function setUpReview({ onPublish, onRemove, onTakeTheirs, onKeepMine }) {
  find("[data-review]").addEventListener("click", () => review("PUT"));
  find("[data-remove]").addEventListener("click", () => review("DELETE"));
  find("[data-back]").addEventListener("click", () => reviewDialog.close());
  publishButton.addEventListener("click", async () => {
    publishButton.disabled = true;
    const isNew = !editor.etag;
    try {
      const done = await send();
      reviewDialog.close();
      if (method === "DELETE") onRemove();
      else await onPublish(done.value, isNew);
    } catch (error) {
      reviewDialog.close();
      showFailure(error);
    } finally {
      publishButton.disabled = false;
    }
  });
  find("[data-theirs]").addEventListener("click", () => {
    lostDialog.close();
    onTakeTheirs();
  });
  find("[data-mine]").addEventListener("click", () => {
    lostDialog.close();
    onKeepMine();
  });
}
