// The page that imports a directory file or a table of people: shows what it would change, or what is wrong, and publishes.

import { CSRF_TOKEN, messageOf, Problem } from "../api.js";
import { element } from "../dom.js";
import { shapeTables } from "../shaped-table.js";

/** @import { FieldError } from "../types.d.ts" */

/** @typedef {{change: "added" | "changed" | "removed", kind: string, id: string, text: string}} Change */
/**
 * The answer of /api/v1/directory/file/trial.
 * @typedef {object} Result
 * @property {boolean} published
 * @property {string} tag
 * @property {number} count
 * @property {Change[]} changes
 * @property {string[]} effects
 * @property {number} unchanged
 * @property {number} left
 * @property {string[]} unread
 */
/** @typedef {FieldError & {line: number | null, where: string, field: string}} FileProblem */

const MAX_BYTES = 2 * 1024 * 1024; // web/services/directory_import/importing.py
const PATH = "/api/v1/directory/file";
const NO_VALUE = "--";

const form = element("[data-import]", document, "form");
const input = element("#import-file", document, "input");
const prune = element("[name=prune]", form, "input");
const publishing = element("[data-publish]", document, "button");
/** @type {File | null} */
let file = null;
/** @type {Result | null} the change that was shown last */
let shown = null;
let asked = 0;

/**
 * @param {string} path
 * @param {Record<string, string>} [more]
 * @returns {Promise<Result>}
 */
async function post(path, more = {}) {
  const body = new FormData();
  body.set("prune", String(prune.checked));
  for (const [name, value] of Object.entries(more)) body.set(name, value);
  body.set("file", /** @type {File} */ (file));
  const headers = { accept: "application/json", "x-csrf-token": CSRF_TOKEN };
  const response = await fetch(path, { method: "POST", headers, body });
  const found = await response.json();
  if (!response.ok) throw new Problem(response.status, found);
  return found;
}

/** @param {string} [text] none hides it */
function showProblem(text) {
  const problem = element("[data-problem]");
  problem.hidden = !text;
  problem.textContent = text ?? "";
}

/** @param {number} bytes */
const megabytes = (bytes) => (bytes / 1024 / 1024).toLocaleString("en-US", { maximumFractionDigits: 1 });

/** Reads the chosen file. Of several choices in a row only the last one is shown. */
async function tryFile() {
  if (!file) return;
  asked += 1;
  const mine = asked;
  shown = null;
  for (const name of ["[data-wrong]", "[data-changes]"]) element(name).hidden = true;
  element("[data-done]").textContent = "";
  showProblem();
  if (file.size > MAX_BYTES) {
    element("[data-reading]").textContent = "";
    showProblem(
      `${file.name} has ${megabytes(file.size)} MB; 2 MB are the most. Nothing was read. ` +
        "Import it in parts, or ask the operator to use the command firstclaim directory apply.",
    );
    return;
  }
  element("[data-reading]").textContent = `Reading ${file.name} …`;
  try {
    const result = await post(`${PATH}/trial`);
    if (mine === asked) showResult(result);
  } catch (error) {
    if (mine === asked) showRefusal(error);
  }
}

/** @param {unknown} error */
function showRefusal(error) {
  element("[data-reading]").textContent = "";
  showProblem(`${messageOf(error)}.`.replace(/\.\.$/, "."));
  const found = error instanceof Problem ? /** @type {FileProblem[]} */ (error.body.errors ?? []) : [];
  element("[data-problems]").replaceChildren(...found.map(problemRow));
  shapeTables();
  element("[data-wrong]").hidden = !found.length;
  if (!found.length) return;
  element("#wrong-title").focus();
  element("[data-wrong]").scrollIntoView({ block: "nearest" });
}

/** @param {FileProblem} problem */
function problemRow({ line, where, field, reason }) {
  const row = document.createElement("tr");
  const cells = [line === null ? NO_VALUE : String(line), where || NO_VALUE, field || NO_VALUE, sentence(reason)];
  row.append(
    ...cells.map((textContent, n) =>
      Object.assign(document.createElement("td"), { textContent, className: n ? "" : "number" }),
    ),
  );
  return row;
}

/** @param {string} text */
const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

/**
 * @param {number} count
 * @param {string} [noun]
 */
const counted = (count, noun = "object") => `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;

/** @param {Result} result */
function showResult(result) {
  shown = result;
  element("[data-reading]").textContent = `${file?.name}: nothing was published yet.`;
  element("#changes-title").textContent = result.count
    ? `What it would change (${result.count.toLocaleString("en-US")})`
    : "It would change nothing";
  const more = result.count - result.changes.length;
  const lines = result.changes.map(({ text }) => text);
  if (more > 0) lines.push(`And ${counted(more, "more change")}.`);
  element("[data-sentences]").replaceChildren(...lines.map(item));
  element("[data-effects]").replaceChildren(...result.effects.map(item));
  element("[data-effects-title]").hidden = !result.effects.length;
  const unread = element("[data-unread]");
  unread.hidden = !result.unread.length;
  unread.textContent = `Not read, because no column has such a name: ${result.unread.join(", ")}.`;
  const stays = [];
  if (result.unchanged) stays.push(`Published like this already: ${counted(result.unchanged)} of the file.`);
  if (result.left) stays.push(`Not in the file, and left as it is: ${counted(result.left)} of the directory.`);
  element("[data-rest]").textContent = stays.join(" ");
  publishing.hidden = !result.count;
  publishing.disabled = false;
  publishing.textContent = `Publish ${counted(result.count, "change")}`;
  element("[data-changes]").hidden = false;
  element("#changes-title").focus();
  element("[data-changes]").scrollIntoView({ block: "nearest" });
}

/** @param {string} textContent */
const item = (textContent) => Object.assign(document.createElement("li"), { textContent });

publishing.addEventListener("click", async () => {
  if (!shown) return;
  publishing.disabled = true;
  const { tag, count } = shown;
  element("[data-done]").textContent = "Publishing …";
  try {
    await post(PATH, { tag });
    shown = null;
    publishing.hidden = true;
    element("[data-reading]").textContent = "";
    element("#changes-title").textContent = "What it changed";
    element("[data-done]").textContent = `Published: ${counted(count, "change")}.`;
  } catch (error) {
    const changed = error instanceof Problem && error.status === 412;
    if (changed) await tryFile();
    if (!changed) {
      publishing.disabled = false;
      element("[data-done]").textContent = "";
    }
    showProblem(`${sentence(messageOf(error))}`);
  }
});

input.addEventListener("change", () => {
  file = input.files?.[0] ?? null;
  tryFile();
});
prune.addEventListener("change", tryFile);
form.addEventListener("submit", (event) => event.preventDefault());

const drop = element("[data-drop]");
for (const name of ["dragenter", "dragover"])
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  const dropped = event.dataTransfer?.files[0];
  if (!dropped) return;
  file = dropped;
  tryFile();
});

document.documentElement.dataset.ready = "yes";
