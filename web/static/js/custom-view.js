// The form of a view of one's own leads: saved as a whole, deleted after a question.

import { call, Problem } from "./api.js";
import { tabs } from "./keys.js";
import { asks, drawAsks, wrong } from "./queue-form.js";
import { say } from "./say.js";

const { view, fields } = JSON.parse(document.getElementById("form-data").textContent);
const form = document.querySelector("[data-editor]");
const path = view ? `/api/v1/views/${view.view_id}` : "/api/v1/views";
const key = crypto.randomUUID(); // pressed twice, it is still one view
const removal = document.getElementById("remove");
let etag = view?.etag;

const match = () => ({ "if-match": `"${etag}"` });

async function save(event) {
  event.preventDefault();
  const given = { name: form.elements.name.value, ...asks(form) };
  const button = form.querySelector("[data-save]");
  button.disabled = true;
  try {
    const saved = view
      ? await call("PUT", path, given, match())
      : await call("POST", path, given, { "idempotency-key": key });
    location.assign(`/views/${saved.view_id}`);
  } catch (error) {
    button.disabled = false;
    wrong(form, told(error));
    say(`Not saved: ${error.message}`);
    button.focus();
  }
}

// What differs from what was saved elsewhere meanwhile; saved once more, this is what stays.
function told(error) {
  if (!(error instanceof Problem)) return [{ path: "", reason: error.message }];
  if (error.status === 412) {
    etag = error.body.etag;
    const places = error.body.changes.map((one) => one.path).join(", ");
    return [{ path: "", reason: `${error.message} (${places || "nothing differs"}). Save again to keep what is here.` }];
  }
  return error.body.errors ?? [{ path: "", reason: error.message }];
}

async function remove() {
  try {
    await call("DELETE", path, undefined, match());
    location.assign("/queues?tab=custom");
  } catch (error) {
    removal.close();
    if (error.status === 412) etag = error.body.etag;
    say(error.message);
  }
}

form.elements.name.value = view?.name ?? "";
drawAsks(form, fields, view ?? {});
form.addEventListener("submit", save);
form.querySelector("[data-delete]")?.addEventListener("click", () => removal.showModal());
removal?.querySelector("[data-cancel]").addEventListener("click", () => removal.close());
removal?.querySelector("[data-ok]").addEventListener("click", remove);
tabs(document.querySelector("[role=tablist]"));
if (!view) form.elements.name.focus();
document.documentElement.dataset.ready = "yes";
