// Chooses the reps who get a lead: any active rep, by name and keyboard (E3). Several reps share leads evenly (D6).

import { call } from "./api.js";
import { element, elements, finder } from "./dom.js";

/** @typedef {{rep_id: string, name: string, role: string, teams: string[]}} Rep */

const TYPING_MS = 120;

/**
 * Asks for reps.
 * @param {string} title
 * @param {{several?: boolean, note?: string}} [options] `several`: more than one may be chosen
 * @returns {Promise<string[] | null>} their ids; null if the dialog was cancelled
 */
export function pickReps(title, { several = false, note = "" } = {}) {
  const dialog = element("#assign", document, "dialog");
  const find = finder(dialog);
  const search = find("[data-find]", "input");
  const list = find("[data-reps]");
  const ok = find("[data-ok]", "button");
  /** @type {Map<string, string>} names by rep id */
  const picked = new Map();
  find("[data-title]").textContent = title;
  find("[data-note]").textContent = note;
  search.value = "";
  let lastRequest = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;

  async function showReps() {
    lastRequest += 1;
    const request = lastRequest;
    /** @type {{reps: Rep[], total: number}} */
    const { reps, total } = await call("GET", `/api/v1/assignees?search=${encodeURIComponent(search.value)}`);
    if (request !== lastRequest) return;
    list.replaceChildren(...reps.map(option));
    if (!reps.length) list.textContent = search.value ? "No rep has that name." : "The org has no active rep yet.";
    if (total > reps.length) list.append(`and ${total - reps.length} more: type a name`);
  }

  /** @param {Rep} rep */
  function option(rep) {
    const line = document.createElement("label");
    const box = document.createElement("input");
    box.type = several ? "checkbox" : "radio";
    box.name = "rep";
    box.value = rep.rep_id;
    box.checked = picked.has(rep.rep_id);
    box.addEventListener("change", () => {
      if (!several) picked.clear();
      if (box.checked) picked.set(rep.rep_id, rep.name);
      else picked.delete(rep.rep_id);
      showPicked();
    });
    const more = [rep.role === "rep" ? null : rep.role, ...rep.teams].filter(Boolean).join(", ");
    line.append(box, ` ${rep.name} `, Object.assign(document.createElement("small"), { textContent: more }));
    return line;
  }

  function showPicked() {
    ok.disabled = picked.size === 0;
    const names = [...picked.values()];
    find("[data-chosen-reps]").textContent = names.length ? `To ${names.join(", ")}` : "";
  }

  return new Promise((resolve) => {
    const listeners = new AbortController();
    const { signal } = listeners;
    /** @param {string[] | null} result */
    const end = (result) => {
      listeners.abort();
      clearTimeout(typing);
      if (dialog.open) dialog.close();
      resolve(result);
    };
    const endWithPicked = () => end([...picked.keys()]);
    search.addEventListener(
      "input",
      () => {
        clearTimeout(typing);
        typing = setTimeout(showReps, TYPING_MS);
      },
      { signal },
    );
    search.addEventListener(
      "keydown",
      (event) => {
        const boxes = elements("input", list, "input");
        if (event.key === "ArrowDown") {
          event.preventDefault();
          boxes[0]?.focus();
        } else if (event.key === "Enter") {
          event.preventDefault();
          // Enter confirms the chosen reps, or chooses the only remaining one.
          if (picked.size) endWithPicked();
          else if (boxes.length === 1) boxes[0].click();
        }
      },
      { signal },
    );
    list.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Enter") return;
        event.preventDefault();
        if (!picked.size && event.target instanceof HTMLElement) event.target.click();
        endWithPicked();
      },
      { signal },
    );
    ok.addEventListener("click", endWithPicked, { signal });
    find("[data-cancel]").addEventListener("click", () => end(null), { signal });
    dialog.addEventListener("close", () => end(null), { signal });
    showPicked();
    showReps();
    dialog.showModal();
    search.focus();
  });
}

/**
 * Asks a question with the answers OK and Cancel.
 * @param {string} question
 * @param {string} [note]
 * @returns {Promise<boolean>}
 */
export function isConfirmed(question, note = "") {
  const dialog = element("#confirm", document, "dialog");
  element("[data-question]", dialog).textContent = question;
  element("[data-note]", dialog).textContent = note;
  return new Promise((resolve) => {
    dialog.returnValue = "";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok"), { once: true });
    dialog.showModal();
    element("[data-ok]", dialog).focus();
  });
}
