// The call queue builder: every edit is kept as a draft, tried on the leads as they are, and published when confirmed.

import { call, Problem } from "./api.js";
import { draw, value, wrong } from "./queue-form.js";
import { Live } from "./live.js";
import { Preview } from "./queue-preview.js";
import { say } from "./say.js";

const page = JSON.parse(document.getElementById("builder-data").textContent);
const editor = document.querySelector("[data-editor]");
const find = (selector, within = document) => within.querySelector(selector);
const dialog = (id) => document.getElementById(id);
const path = (queue) => `/api/v1/queue-drafts/${encodeURIComponent(queue)}`;
const match = () => ({ "if-match": `"${state.etag}"` });
let state = page.state;

for (const button of document.querySelectorAll("dialog [data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}

// -- adding one --------------------------------------------------------------------------------------------------

find("[data-add]").addEventListener("click", () => dialog("add").showModal());
find("#add form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = find("#add-name").value.trim();
  const base = name.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "") || "view";
  let id = base;
  for (let n = 2; page.ids.includes(id); n += 1) id = `${base}-${n}`;
  try {
    await call("PUT", path(id), { value: { name, columns: [], teams: ["*"], claimable: false, outcomes: [] } });
    location.assign(`/queue-builder/${encodeURIComponent(id)}`);
  } catch (error) {
    const said = find("[data-add-said]");
    said.hidden = false;
    said.textContent = error.message;
  }
});

// -- changing one ------------------------------------------------------------------------------------------------

let waiting = null;
let saving = null;
let preview = null;

function changed() {
  find("[data-saved]").textContent = "Not saved yet";
  clearTimeout(waiting);
  waiting = setTimeout(save, 300);
}

// Saves what is there now; one save at a time, each over the state the one before it returned.
async function save() {
  clearTimeout(waiting);
  waiting = null;
  while (saving) await saving;
  saving = put(value(editor, state.value));
  try {
    await saving;
  } finally {
    saving = null;
  }
}

async function put(wanted) {
  try {
    state = await call("PUT", path(state.queue_id), { value: wanted }, match());
    find("[data-saved]").textContent = "Saved as a draft";
  } catch (error) {
    find("[data-saved]").textContent = "Not saved";
    if (error instanceof Problem && error.status === 412) overtaken(error.body, wanted);
    else say(error.message);
  }
  show();
  preview.ask(wanted);
}

function show() {
  const unpublished = state.unpublished_changes.length > 0;
  find("[data-title]").textContent = state.value.name || state.queue_id;
  find("[data-unpublished]").hidden = !unpublished;
  find("[data-discard]").hidden = !unpublished || state.version === null;
  find("[data-publish]").disabled = !unpublished;
  find("[data-overtaken]").hidden = !state.overtaken;
  wrong(editor, state.problems);
}

const item = (text) => Object.assign(document.createElement("li"), { textContent: text });
const spelled = (one) => (one === null || one === undefined ? "nothing" : typeof one === "string" ? one || "nothing" : JSON.stringify(one));

function overtaken(body, wanted) {
  const shown = dialog("overtaken");
  find("[data-overtaken-said]").textContent = body.detail;
  find("[data-theirs]").replaceChildren(
    ...body.changes.map((one) => item(`${one.path}: theirs ${spelled(one.theirs)}, yours ${spelled(one.yours)}`)),
  );
  find("[data-take]").onclick = () => location.reload();
  find("[data-mine]").onclick = async () => {
    shown.close();
    state = { ...state, etag: body.etag ?? "*" };
    await put(wanted);
  };
  if (!shown.open) shown.showModal();
}

// -- publishing, history, deleting -------------------------------------------------------------------------------

async function publish() {
  if (waiting || saving) await save();
  const shown = dialog("publish");
  const { entering, leaving, matched } = preview.told ?? {};
  find("[data-publish-said]").textContent =
    matched === undefined
      ? "It takes effect on all leads at once."
      : `It takes effect on all leads at once: ${matched} will be in it, ${entering} come and ${leaving} go.`;
  find("[data-changes]").replaceChildren(
    ...state.unpublished_changes.map((one) => item(`${one.path}: ${spelled(one.old)} → ${spelled(one.new)}`)),
  );
  find("[data-publish-problem]").hidden = true;
  shown.showModal();
  find("[data-ok]", shown).focus();
}

async function confirmed() {
  const shown = dialog("publish");
  const ok = find("[data-ok]", shown);
  ok.disabled = true;
  try {
    state = await call("POST", `${path(state.queue_id)}/publish`, { over: state.version }, match());
    shown.close();
    find("[data-saved]").textContent = "";
    say("Published.");
    show();
    preview.ask(state.value);
  } catch (error) {
    const problem = find("[data-publish-problem]");
    problem.hidden = false;
    problem.textContent = error.message;
    if (error.body?.errors) wrong(editor, state.problems.length ? state.problems : error.body.errors);
  } finally {
    ok.disabled = false;
  }
}

async function history() {
  const editions = await call("GET", `${path(state.queue_id)}/history`);
  const rows = editions.map((one) => {
    const when = one.published_at ? new Date(one.published_at).toLocaleString() : "";
    const row = item(`${one.value ? "Version" : "Removed in version"} ${one.version}${one.current ? ", current" : ""}: ${one.published_by ?? "not from the console"} ${when} `);
    if (one.value && one.published_by) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Revert to this" });
      button.setAttribute("aria-label", `Revert to version ${one.version}`);
      button.addEventListener("click", () => tried(() => call("POST", `${path(state.queue_id)}/revert`, { version: one.version }, match()), location.pathname));
      row.append(button);
    }
    return row;
  });
  find("[data-editions]").replaceChildren(...(rows.length ? rows : [item("Nothing was published yet.")]));
  dialog("history").showModal();
}

async function tried(work, then) {
  try {
    if (waiting || saving) await save();
    await work();
    location.assign(then);
  } catch (error) {
    say(error.message);
  }
}

if (editor) {
  draw(editor, page, state.value, changed);
  preview = new Preview(find("[data-preview]"), state.queue_id, page.fields);
  editor.addEventListener("submit", (event) => event.preventDefault());
  find("[data-publish]").addEventListener("click", publish);
  find("[data-ok]", dialog("publish")).addEventListener("click", confirmed);
  find("[data-history]").addEventListener("click", () => history().catch((error) => say(error.message)));
  find("[data-discard]").addEventListener("click", () => tried(() => call("DELETE", path(state.queue_id), undefined, match()), location.pathname));
  find("[data-delete]").addEventListener("click", () => dialog("remove").showModal());
  find("[data-ok]", dialog("remove")).addEventListener("click", () => tried(() => call("POST", `${path(state.queue_id)}/removal`, undefined, match()), "/queue-builder"));
  show();
  preview.ask(state.value);
  const live = new Live({});
  for (const event of ["list", "leads"]) live.on(event, () => preview.again());
  live.on("directory", async ({ kind }) => {
    if (kind !== "queue" || waiting || saving) return;
    const now = await call("GET", path(state.queue_id)).catch(() => null);
    if (!now || waiting || saving) return;
    if (now.etag === state.etag) {
      state = now;
      show();
    } else {
      say("Somebody else has changed this view. Load it anew to see how.");
    }
  });
  live.start();
}
document.documentElement.dataset.ready = "yes";
