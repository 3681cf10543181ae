// The call queue builder. Every edit is saved as a draft, previewed on the current leads, and published after a review.

import { call, messageOf, Problem } from "./api.js";
import { element, elements, pageData } from "./dom.js";
import { dateAndTime } from "./format.js";
import { Live } from "./live.js";
import { setUpQueueFilter } from "./queue-filter.js";
import { drawQueue, queueOf, showProblems } from "./queue-form.js";
import { Preview } from "./queue-preview.js";
import { say } from "./say.js";

/** @import { FieldError, ProblemBody } from "./types.d.ts" */

/**
 * @typedef {object} State of a queue, as in /api/v1/queue-drafts
 * @property {string} queue_id
 * @property {Record<string, any>} value
 * @property {string} etag
 * @property {number | null} version null if it is not published
 * @property {{path: string, old: unknown, new: unknown}[]} unpublished_changes
 * @property {string[]} unpublished_words the same changes in words
 * @property {boolean} overtaken
 * @property {FieldError[]} problems
 */

/**
 * @typedef {object} Edition one published version
 * @property {number} version
 * @property {Record<string, any> | null} value null for a removal
 * @property {boolean} current
 * @property {string | null} published_by
 * @property {string | null} published_by_name
 * @property {string | null} published_at
 */

const SAVE_MS = 300;
const MAX_NAME = 200;
const page = pageData("builder-data");
/** @param {unknown} error */
const sayError = (error) => say(messageOf(error));
/** @param {string} id */
const dialogOf = (id) => element(`#${id}`, document, "dialog");
/** @param {string} queue */
const pathOf = (queue) => `/api/v1/queue-drafts/${encodeURIComponent(queue)}`;

for (const button of elements("dialog [data-close]", document, "button")) {
  button.addEventListener("click", () => button.closest("dialog")?.close());
}

/** @param {string} text */
const item = (text) => Object.assign(document.createElement("li"), { textContent: text });

/** @param {unknown} value */
function written(value) {
  if (value === null || value === undefined || value === "") return "nothing";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/**
 * Shows in the list of views whether the open one has unpublished changes.
 * @param {boolean} isUnpublished
 */
function showUnpublished(isUnpublished) {
  const link = document.querySelector('.lists a[aria-current="true"]');
  const mark = link?.querySelector("small");
  if (!isUnpublished) mark?.remove();
  else if (!mark) link?.append(Object.assign(document.createElement("small"), { textContent: "unpublished changes" }));
}

// -- adding a queue ---------------------------------------------------------------------------------------------

/**
 * Returns an id for a new view that no other view has.
 * @param {string} name
 */
function newId(name) {
  const ascii = name.toLowerCase().normalize("NFKD");
  const base = ascii.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "") || "view";
  let id = base;
  for (let n = 2; page.ids.includes(id); n += 1) id = `${base}-${n}`;
  return id;
}

element("[data-add]").addEventListener("click", () => dialogOf("add").showModal());
element("#add form", document, "form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = element("#add-name", document, "input").value.trim();
  const id = newId(name);
  try {
    await call("PUT", pathOf(id), { value: { name, columns: [], teams: ["*"], claimable: false, outcomes: [] } });
    location.assign(`/queue-builder/${encodeURIComponent(id)}`);
  } catch (error) {
    const problem = element("[data-add-problem]");
    problem.hidden = false;
    problem.textContent = messageOf(error);
  }
});

// -- changing a queue -------------------------------------------------------------------------------------------

class Editor {
  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.form = form;
    /** @type {State} */
    this.state = page.state;
    /** @type {ReturnType<typeof setTimeout> | null} */
    this.waiting = null;
    /** @type {Promise<void> | null} */
    this.saving = null;
    this.preview = new Preview(element("[data-preview]", form), this.state.queue_id, page.fields);
    drawQueue(form, page, this.state.value, () => this.saveSoon());
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  get path() {
    return pathOf(this.state.queue_id);
  }

  get ifUnchanged() {
    return { "if-match": `"${this.state.etag}"` };
  }

  get isUnsaved() {
    return this.waiting !== null || this.saving !== null;
  }

  saveSoon() {
    this.showSaved("Not saved yet");
    if (this.waiting) clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.save(), SAVE_MS);
  }

  /** Saves the current form. Saves run one at a time, each over the state that the previous one returned. */
  async save() {
    if (this.waiting) clearTimeout(this.waiting);
    this.waiting = null;
    while (this.saving) await this.saving;
    this.saving = this.put(queueOf(this.form, this.state.value));
    try {
      await this.saving;
    } finally {
      this.saving = null;
    }
  }

  /** @param {Record<string, any>} value */
  async put(value) {
    try {
      this.state = await call("PUT", this.path, { value }, this.ifUnchanged);
      this.showSaved("Saved as a draft");
    } catch (error) {
      this.showSaved("Not saved");
      if (error instanceof Problem && error.status === 412) this.showOvertaken(error.body, value);
      else sayError(error);
    }
    this.show();
    this.preview.refresh(value);
  }

  /** @param {string} text */
  showSaved(text) {
    element("[data-saved]").textContent = text;
  }

  show() {
    const { state } = this;
    const isUnpublished = state.unpublished_changes.length > 0;
    element("[data-title]").textContent = state.value.name || state.queue_id;
    element("[data-unpublished]").hidden = !isUnpublished;
    element("[data-discard]").hidden = !isUnpublished || state.version === null;
    element("[data-publish]", document, "button").disabled = !isUnpublished;
    element("[data-overtaken]").hidden = !state.overtaken;
    showUnpublished(isUnpublished);
    showProblems(this.form, state.problems);
  }

  /**
   * @param {ProblemBody} body
   * @param {Record<string, any>} value
   */
  showOvertaken(body, value) {
    const dialog = dialogOf("overtaken");
    /** @type {{path: string, theirs: unknown, yours: unknown}[]} */
    const changes = body.changes;
    element("[data-overtaken-summary]").textContent = body.detail ?? "";
    element("[data-theirs]").replaceChildren(
      ...changes.map(({ path, theirs, yours }) => item(`${path}: theirs ${written(theirs)}, yours ${written(yours)}`)),
    );
    element("[data-take]").onclick = () => location.reload();
    element("[data-mine]").onclick = async () => {
      dialog.close();
      this.state = { ...this.state, etag: body.etag ?? "*" };
      await this.put(value);
    };
    if (!dialog.open) dialog.showModal();
  }

  /** Takes over another person's changes, unless there are unsaved edits here. */
  async refresh() {
    if (this.isUnsaved) return;
    /** @type {State | null} */
    const now = await call("GET", this.path).catch(() => null);
    if (!now || this.isUnsaved) return;
    if (now.etag === this.state.etag) {
      this.state = now;
      this.show();
    } else {
      say("Somebody else has changed this view. Reload the page to see the changes.");
    }
  }

  // -- publishing, history, deleting ------------------------------------------------------------------------------

  async askToPublish() {
    if (this.isUnsaved) await this.save();
    const dialog = dialogOf("publish");
    const result = this.preview.result;
    element("[data-publish-summary]").textContent = result
      ? `It takes effect on all leads at once: it will have ${result.matched} leads; ${result.entering} leads enter and ${result.leaving} leave.`
      : "It takes effect on all leads at once.";
    element("[data-changes]").replaceChildren(...this.state.unpublished_words.map(item));
    element("[data-publish-problem]").hidden = true;
    dialog.showModal();
    element("[data-ok]", dialog).focus();
  }

  async publish() {
    const dialog = dialogOf("publish");
    const ok = element("[data-ok]", dialog, "button");
    ok.disabled = true;
    try {
      this.state = await call("POST", `${this.path}/publish`, { over: this.state.version }, this.ifUnchanged);
      dialog.close();
      this.showSaved("");
      say("Published.");
      this.show();
      this.preview.refresh(this.state.value);
    } catch (error) {
      const problem = element("[data-publish-problem]");
      problem.hidden = false;
      problem.textContent = messageOf(error);
      const errors = error instanceof Problem ? error.body.errors : undefined;
      if (errors) showProblems(this.form, this.state.problems.length ? this.state.problems : errors);
    } finally {
      ok.disabled = false;
    }
  }

  async showHistory() {
    /** @type {Edition[]} */
    const editions = await call("GET", `${this.path}/history`);
    const rows = editions.map((edition) => this.editionRow(edition));
    element("[data-editions]").replaceChildren(...(rows.length ? rows : [item("Nothing was published yet.")]));
    dialogOf("history").showModal();
  }

  /** @param {Edition} edition */
  editionRow({ version, value, current, published_by, published_by_name, published_at }) {
    const when = published_at ? new Date(published_at).toLocaleString() : "";
    const what = value ? "Version" : "Removed in version";
    const row = item(
      `${what} ${version}${current ? ", current" : ""}: ${published_by_name ?? "not from the console"} ${when} `,
    );
    if (!value || !published_by) return row;
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Revert to this" });
    button.setAttribute("aria-label", `Revert to version ${version}`);
    button.addEventListener("click", () =>
      this.change(() => call("POST", `${this.path}/revert`, { version }, this.ifUnchanged), location.pathname),
    );
    row.append(button);
    return row;
  }

  discard() {
    return this.change(() => call("DELETE", this.path, undefined, this.ifUnchanged), location.pathname);
  }

  /** Adds a view with the same rules, columns, order and teams, as a draft. */
  duplicate() {
    const { value } = this.state;
    const name = `Copy of ${value.name || this.state.queue_id}`.slice(0, MAX_NAME);
    const id = newId(name);
    const made = () => call("PUT", pathOf(id), { value: { ...queueOf(this.form, value), name } });
    return this.change(made, `/queue-builder/${encodeURIComponent(id)}`);
  }

  remove() {
    return this.change(() => call("POST", `${this.path}/removal`, undefined, this.ifUnchanged), "/queue-builder");
  }

  /**
   * Saves, does the work, and opens an address.
   * @param {() => Promise<unknown>} work
   * @param {string} address
   */
  async change(work, address) {
    try {
      if (this.isUnsaved) await this.save();
      await work();
      location.assign(address);
    } catch (error) {
      sayError(error);
    }
  }
}

setUpQueueFilter(element("[data-views]"));
const form = document.querySelector("[data-editor]");
if (form instanceof HTMLFormElement) {
  const editor = new Editor(form);
  element("[data-publish]").addEventListener("click", () => editor.askToPublish());
  element("[data-ok]", dialogOf("publish")).addEventListener("click", () => editor.publish());
  element("[data-history]").addEventListener("click", () => editor.showHistory().catch(sayError));
  element("[data-discard]").addEventListener("click", () => editor.discard());
  element("[data-duplicate]").addEventListener("click", () => editor.duplicate());
  element("[data-delete]").addEventListener("click", () => dialogOf("remove").showModal());
  element("[data-ok]", dialogOf("remove")).addEventListener("click", () => editor.remove());
  editor.show();
  editor.preview.refresh(editor.state.value);
  const live = new Live({});
  for (const event of ["list", "leads"]) live.on(event, () => editor.preview.refreshSoon());
  live.on("directory", ({ kind }) => kind === "queue" && editor.refresh());
  live.on("open", () => editor.refresh()); // what was published while the page had no stream is told nowhere
  live.start();
}
for (const time of document.querySelectorAll("time")) time.textContent = dateAndTime(time.dateTime);
document.documentElement.dataset.ready = "yes";
