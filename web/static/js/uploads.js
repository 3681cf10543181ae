// The page that uploads a file of leads: reads it, shows what its columns become and what would happen, and sends it.

import { CSRF_TOKEN, messageOf, Problem } from "./api.js";
import { control, element } from "./dom.js";
import { shapeTables } from "./shaped-table.js";

/** @typedef {{sent: string, read: unknown}} Sample */
/** @typedef {{column: string, becomes: string, field: string | null, rows: number, unreadable: number, samples: Sample[]}} UploadColumn */
/** @typedef {{line: number, kind: string, lead_id: string | null, why: string}} UploadRow */
/**
 * The answer of /api/v1/uploads/trial.
 * @typedef {object} Trial
 * @property {boolean} takes_mapping
 * @property {string} mapping_from
 * @property {string | null} note
 * @property {UploadColumn[]} columns
 * @property {Record<string, number>} fates
 * @property {UploadRow[]} rows
 * @property {number} sent_before
 */
/** @typedef {{rows: number, fates: Record<string, number>, skipped: number, csv: string, error: string | null, finished: boolean}} Progress */

const WHOLE_NAME = "first_name, last_name";
const KINDS = { new: "New leads", resend: "Resends", inquiry: "Other inquiries of known people", refused: "Refused" };
const NOTES = /** @type {Record<string, string>} */ ({
  kept: "The columns are read as in this provider's last file.",
  none: "No column has a name that is known. Choose what the columns become.",
});

/** @type {Record<string, string>} */
const fields = JSON.parse(element("#upload-data").textContent ?? "{}").fields;
const form = element("[data-file-form]", document, "form");
const sending = element("[data-send]", document, "form");
const drop = element("[data-drop]");
const go = element("[data-go]", sending, "button");
const input = element("#upload-file", document, "input");
const report = element("[data-report]", sending, "a");
/** @type {File | null} */
let file = null;
/** @type {Record<string, string> | null} what the columns become, once a person has chosen */
let choices = null;
let total = 0;
let reading = false;
let wished = false;

/**
 * @param {string} selector
 * @param {unknown} [error] none hides the message
 */
function showProblem(selector, error) {
  const problem = element(selector);
  problem.hidden = error === undefined;
  problem.textContent = error === undefined ? "" : messageOf(error);
}

/** @param {Record<string, string>} [more] */
function body(more = {}) {
  const data = new FormData();
  data.set("vendor", control(form, "vendor").value);
  const campaign = control(form, "campaign").value;
  if (campaign) data.set("campaign", campaign);
  if (choices) data.set("choices", JSON.stringify(choices));
  for (const [name, value] of Object.entries(more)) data.set(name, value);
  data.set("file", /** @type {File} */ (file));
  return data;
}

/**
 * @param {string} path
 * @param {FormData} data
 */
async function post(path, data) {
  const headers = { accept: "application/json", "x-csrf-token": CSRF_TOKEN };
  const response = await fetch(path, { method: "POST", headers, body: data });
  if (!response.ok) throw new Problem(response.status, await response.json());
  return response;
}

/** Has the file read. The server reads one file of a person at a time, so a later wish waits for the answer. */
async function tryFile() {
  if (!file || !form.reportValidity()) return;
  go.disabled = true;
  wished = true;
  if (reading) return;
  reading = true;
  while (wished) {
    wished = false;
    await tryOnce(file);
  }
  reading = false;
}

/** @param {File} file */
async function tryOnce(file) {
  showProblem("[data-problem]");
  element("[data-reading]").textContent = `Reading ${file.name} …`;
  try {
    const response = await post("/api/v1/uploads/trial", body());
    const trial = /** @type {Trial} */ (await response.json());
    if (!wished) showTrial(trial);
  } catch (error) {
    if (wished) return;
    element("[data-reading]").textContent = "";
    if (choices === null) for (const name of ["[data-columns]", "[data-forecast]"]) element(name).hidden = true;
    showProblem("[data-problem]", error);
  }
}

/** @param {Trial} trial */
function showTrial(trial) {
  const first = element("[data-columns]").hidden;
  element("[data-reading]").textContent = `${file?.name}: nothing was sent yet.`;
  const note = trial.mapping_from === "choices" ? "" : (NOTES[trial.mapping_from] ?? "");
  element("[data-mapping-note]").textContent = [note, trial.note ? `${trial.note}.` : ""].join(" ").trim();
  element("[data-column-rows]").replaceChildren(...trial.columns.map((column) => columnRow(column, trial)));
  total = Object.values(trial.fates).reduce((sum, count) => sum + count, 0);
  showFates(trial.fates);
  element("[data-fate-rows]").replaceChildren(...trial.rows.map(fateRow));
  shapeTables();
  element("[data-resume-line]").hidden = trial.sent_before === 0;
  element("[data-resume-text]").textContent =
    `Send only the rest: ${trial.sent_before.toLocaleString()} rows of this file were sent before`;
  element("[data-keep-line]").hidden = !trial.takes_mapping;
  element("[data-columns]").hidden = false;
  element("[data-forecast]").hidden = false;
  report.hidden = true;
  element("[data-sent]").textContent = "";
  showProblem("[data-send-problem]");
  go.disabled = trial.fates.refused === total;
  go.textContent = `Send ${(total - trial.fates.refused).toLocaleString()} rows`;
  if (first) element("#columns-title").focus();
}

/** @param {Record<string, number>} fates */
function showFates(fates) {
  const shown = Object.entries(KINDS).map(([kind, label]) => {
    const node = document.createElement("div");
    const term = Object.assign(document.createElement("dt"), { textContent: label });
    const count = Object.assign(document.createElement("dd"), { textContent: (fates[kind] ?? 0).toLocaleString() });
    count.dataset.fate = kind;
    node.append(term, count);
    return node;
  });
  element("[data-fates]").replaceChildren(...shown);
}

/**
 * @param {UploadColumn} column
 * @param {Trial} trial
 */
function columnRow(column, trial) {
  const row = document.createElement("tr");
  row.className = column.becomes;
  const name = Object.assign(document.createElement("th"), { scope: "row", textContent: column.column });
  const select = document.createElement("select");
  select.setAttribute("aria-label", `${column.column} becomes`);
  select.append(new Option("Kept as an attribute", "attribute"), new Option("Left out", "unread"));
  select.append(...Object.entries(fields).map(([field, label]) => new Option(label, field)));
  select.value = chosenOf(column);
  select.disabled = !trial.takes_mapping;
  select.addEventListener("change", () => {
    choices ??= Object.fromEntries(trial.columns.map((each) => [each.column, chosenOf(each)]));
    choices[column.column] = select.value;
    tryFile();
  });
  const samples = document.createElement("ul");
  samples.append(...column.samples.map((sample) => sampleLine(column, sample)));
  const unread = column.unreadable ? ` (${column.unreadable} cannot be read)` : "";
  row.append(name, cell(select), cell(samples), cell(`${column.rows}${unread}`));
  return row;
}

/** @param {UploadColumn} column */
function chosenOf(column) {
  const chosen = choices?.[column.column];
  if (chosen) return chosen;
  if (column.field) return column.field === WHOLE_NAME ? "full_name" : column.field;
  return column.becomes === "unread" ? "unread" : "attribute";
}

/**
 * @param {UploadColumn} column
 * @param {Sample} sample
 */
function sampleLine(column, sample) {
  const line = document.createElement("li");
  const read = sample.read === null ? "cannot be read" : String(sample.read);
  line.textContent = column.field && read !== sample.sent ? `${sample.sent} → ${read}` : sample.sent;
  return line;
}

/** @param {UploadRow} row */
function fateRow(row) {
  const line = document.createElement("tr");
  line.append(cell(String(row.line)), cell(row.kind), cell(row.why));
  return line;
}

/** @param {string | Node} content */
function cell(content) {
  const node = document.createElement("td");
  node.append(content);
  return node;
}

/** @param {File} chosen */
function choose(chosen) {
  file = chosen;
  choices = null;
  element("[data-columns]").hidden = true;
  element("[data-forecast]").hidden = true;
  tryFile();
}

input.addEventListener("change", () => {
  if (input.files?.[0]) choose(input.files[0]);
});
for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const dropped = event.dataTransfer?.files;
  if (!dropped?.length) return;
  input.files = dropped; // so that the form names the file
  choose(dropped[0]);
});
form.addEventListener("submit", (event) => event.preventDefault());
for (const name of ["vendor", "campaign"]) {
  control(form, name).addEventListener("change", () => {
    if (name === "vendor") choices = null;
    tryFile();
  });
}

sending.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!file || go.disabled) return;
  go.disabled = true;
  showProblem("[data-send-problem]");
  const bar = element("[data-progress]", sending, "progress");
  bar.hidden = false;
  bar.max = total;
  bar.value = 0;
  const resume = !element("[data-resume-line]").hidden && element("[name=resume]", sending, "input").checked;
  const keep = choices !== null && element("[name=keep]", sending, "input").checked;
  /** @type {string[]} */
  const parts = [];
  try {
    const response = await post("/api/v1/uploads", body({ resume: String(resume), keep: String(keep) }));
    let last = /** @type {Progress | null} */ (null);
    for await (const line of linesOf(response)) {
      last = line;
      parts.push(line.csv);
      bar.value = line.rows;
      element("[data-sent]").textContent = `${line.rows} of ${total} rows`;
    }
    if (!last?.finished) throw new Error(last?.error ?? "The connection was lost. Send again to send the rest.");
    showFates(last.fates);
    const skipped = last.skipped ? ` ${last.skipped} were sent before.` : "";
    element("[data-sent]").textContent = `Done: ${last.rows} rows.${skipped}`;
  } catch (error) {
    showProblem("[data-send-problem]", error);
    go.disabled = false;
  }
  if (parts.length) {
    URL.revokeObjectURL(report.href);
    report.href = URL.createObjectURL(new Blob(["\ufeff", ...parts], { type: "text/csv" }));
    report.download = `report-${file.name.replace(/\.[^.]*$/, "")}.csv`;
    report.hidden = false;
  }
});

/**
 * @param {Response} response
 * @returns {AsyncGenerator<Progress>}
 */
async function* linesOf(response) {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line);
    if (done) return;
  }
}
document.documentElement.dataset.ready = "yes";
