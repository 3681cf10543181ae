// The form of a view of the person's own leads. It is saved as a whole, and deleted after a confirmation.

import { call, messageOf, Problem } from "./api.js";
import { control, element, pageData } from "./dom.js";
import { tabs } from "./keyboard.js";
import { setUpQueueFilter } from "./queue-filter.js";
import { drawQuery, queryOf, showProblems } from "./queue-form.js";
import { say } from "./say.js";

const { view, fields } = pageData("form-data");
const form = element("[data-editor]", document, "form");
const name = control(form, "name");
const path = view ? `/api/v1/views/${view.view_id}` : "/api/v1/views";
const key = crypto.randomUUID(); // If the button is pressed twice, only one view is created.
let etag = view?.etag;

const ifUnchanged = () => ({ "if-match": `"${etag}"` });

/** @param {SubmitEvent} event */
async function save(event) {
  event.preventDefault();
  const value = { name: name.value, ...queryOf(form) };
  const button = element("[data-save]", form, "button");
  button.disabled = true;
  try {
    const saved = view
      ? await call("PUT", path, value, ifUnchanged())
      : await call("POST", path, value, { "idempotency-key": key });
    location.assign(`/views/${saved.view_id}`);
  } catch (error) {
    button.disabled = false;
    showProblems(form, problemsOf(error));
    say(`Not saved: ${messageOf(error)}`);
    button.focus();
  }
}

/**
 * Returns the problems. If the view was saved elsewhere in the meantime, they name the differences; the next save keeps
 * this form's values.
 * @param {unknown} error
 */
function problemsOf(error) {
  if (!(error instanceof Problem)) return [{ path: "", reason: messageOf(error) }];
  if (error.status === 412) {
    etag = error.body.etag;
    /** @type {{path: string}[]} */
    const changes = error.body.changes;
    const paths = changes.map((change) => change.path).join(", ") || "nothing differs";
    return [{ path: "", reason: `${error.message} (${paths}). Save again to keep what is here.` }];
  }
  return error.body.errors ?? [{ path: "", reason: error.message }];
}

function setUpRemoval() {
  const dialog = element("#remove", document, "dialog");
  element("[data-delete]", form).addEventListener("click", () => dialog.showModal());
  element("[data-cancel]", dialog).addEventListener("click", () => dialog.close());
  element("[data-ok]", dialog).addEventListener("click", async () => {
    try {
      await call("DELETE", path, undefined, ifUnchanged());
      location.assign("/queues?tab=custom");
    } catch (error) {
      dialog.close();
      if (error instanceof Problem && error.status === 412) etag = error.body.etag;
      say(messageOf(error));
    }
  });
}

name.value = view?.name ?? "";
drawQuery(form, fields, view ?? {});
form.addEventListener("submit", save);
if (view) setUpRemoval();
tabs(element("[role=tablist]"));
setUpQueueFilter(element("#queues"));
if (!view) name.focus();
document.documentElement.dataset.ready = "yes";
