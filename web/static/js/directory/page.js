// The directory page: a list, and one object's form. An edit is checked, reviewed, and published.

import { element, finder } from "../dom.js";
import { Live } from "../live.js";
import { say } from "../say.js";
import { createAccount, setUpAccountDialog } from "./accounts.js";
import { data, KIND_LABELS, objectsOf, openObject, reloadObjects } from "./data.js";
import { editor } from "./editor.js";
import { make } from "./fields.js";
import { setUpHistory } from "./history.js";
import { drawListed } from "./listed.js";
import { setUpReview } from "./review.js";

/** @import { DirectoryObject } from "../types.d.ts" */

const find = finder(document);
let isLeaving = false;

// -- the list ---------------------------------------------------------------------------------------------------

const search = document.querySelector("#find"); // The settings are a single object and have no list.
search?.addEventListener("input", drawList);

const showList = document.querySelector("[data-show-list]");
showList?.addEventListener("click", () => {
  const isOpen = showList.closest("aside")?.classList.toggle("open");
  showList.setAttribute("aria-expanded", String(isOpen));
});

function drawList() {
  if (!(search instanceof HTMLInputElement)) return;
  const wanted = search.value.trim().toLowerCase();
  const all = objectsOf(data.kind);
  const shown = all.filter(({ id, value }) => {
    const text = `${id} ${value.name ?? ""} ${(value.teams ?? []).join(" ")}`;
    return text.toLowerCase().includes(wanted);
  });
  const container = find("[data-objects]");
  container.replaceChildren(...(data.kind === "rep" ? groupedReps(shown) : shown.map(listItem)));
  const chosen = container.querySelector('a[aria-current="true"]');
  if (chosen instanceof HTMLElement) container.scrollTop = chosen.offsetTop - container.clientHeight / 2;
  const none = find("[data-none]");
  none.hidden = shown.length > 0;
  const nothing = `No ${KIND_LABELS[data.kind]} is published yet${data.may_write ? ": add one." : "."}`;
  none.textContent = all.length ? "Nothing matches the search." : nothing;
}

/**
 * Groups reps by what they may do.
 * @param {DirectoryObject[]} reps
 */
function groupedReps(reps) {
  /**
   * @param {DirectoryObject} rep
   * @returns {string}
   */
  const kindOf = ({ value }) => {
    if (value.active === false) return "Inactive";
    return (value.role ?? "rep") === "rep" ? "Reps" : "Managers and admins";
  };
  const groups = Map.groupBy(reps, kindOf);
  if (groups.size < 2) return reps.map(listItem);
  return ["Managers and admins", "Reps", "Inactive"].flatMap((kind) => {
    const ones = groups.get(kind) ?? [];
    const head = make("li", { className: "kind", textContent: `${kind} (${ones.length})` });
    return ones.length ? [head, ...ones.map(listItem)] : [];
  });
}

/** @param {DirectoryObject} object */
function listItem({ id, value }) {
  const link = make("a", {
    href: `/directory/${data.section}/${encodeURIComponent(id)}`,
    textContent: value.name || id,
  });
  if (id === data.id) link.setAttribute("aria-current", "true");
  const item = make("li", { data: { id } }, link);
  if (data.kind !== "rep") return item;
  const role = value.role ?? "rep";
  if (value.active === false) item.append(make("span", { className: "badge due", textContent: "inactive" }));
  else if (role !== "rep") item.append(make("span", { className: "badge", textContent: role }));
  return item;
}

// -- the form ---------------------------------------------------------------------------------------------------

async function reload() {
  await reloadObjects();
  drawList();
  drawListed();
}

function showPublished() {
  editor.clearErrors();
  editor.load();
  editor.title.focus();
}

addEventListener("beforeunload", (event) => {
  if (editor.isDirty() && !isLeaving) event.preventDefault();
});
find("[data-discard]").addEventListener("click", () => {
  showPublished();
  say("Your changes are discarded.");
});

setUpReview({
  onPublish: async (value, isNew) => {
    const wantsAccount = editor.wantsAccount();
    await reload();
    editor.load();
    editor.title.focus();
    say("Published. It applies from now on, also to existing leads.");
    if (isNew && wantsAccount) await createAccount(value.email);
  },
  onRemove: () => {
    isLeaving = true;
    location.assign(`/directory/${data.section}`);
  },
  onTakeTheirs: async () => {
    await reload();
    showPublished();
  },
  // The other person's changes stay; fields that were changed here override them. The next review shows the difference.
  onKeepMine: async () => {
    await reload();
    editor.rebase();
    editor.showDirty();
    find("[data-review]").focus();
    say("Your changes are now based on the published version. Review them again.");
  },
});

setUpHistory();
setUpAccountDialog(() => {
  if (!editor.isDirty()) editor.load();
  editor.title.focus();
});

// -- adding -----------------------------------------------------------------------------------------------------

if (document.querySelector("[data-add]")) {
  const dialog = find("#added", "dialog");
  const problem = find("#added-problem");
  find("[data-add]").addEventListener("click", () => {
    problem.hidden = true;
    dialog.showModal();
  });
  element("[data-added-cancel]", dialog).addEventListener("click", () => dialog.close());
  element("[data-added]", dialog).addEventListener("submit", (event) => {
    event.preventDefault();
    const id = find("#added-id", "input").value.trim();
    if (objectsOf(data.kind).some((object) => object.id === id)) {
      problem.textContent = `There is a ${KIND_LABELS[data.kind]} ${id} already.`;
      problem.hidden = false;
      return;
    }
    location.assign(`/directory/${data.section}/${encodeURIComponent(id)}`);
  });
}

// -- live -------------------------------------------------------------------------------------------------------

const live = new Live({ queue: "-" });
async function readAgain() {
  if (document.querySelector("dialog[open]")) return;
  await reload();
  if (!data.id || (openObject()?.etag ?? null) === editor.etag) return;
  if (editor.isDirty())
    editor.showNotice("Somebody has just published this. Review your changes to see the differences.");
  else editor.load();
}
// `open`: what was published while the page had no stream is told nowhere.
for (const event of ["open", "directory"]) live.on(event, readAgain);
live.start();
drawList();
drawListed();
editor.load();
if (location.hash === "#edit-outcomes") document.querySelector('[data-path="outcomes"]')?.scrollIntoView();
document.documentElement.dataset.ready = "yes";
