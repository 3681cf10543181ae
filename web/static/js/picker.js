// Choosing who a lead goes to: any active rep by name, with the keyboard alone (E3); several share leads evenly (D6).

import { call } from "./api.js";

const dialog = document.getElementById("assign");

// Resolve with the chosen rep ids, or null where it was cancelled. `several`: more than one may be chosen.
export function pick(title, { several = false, note = "" } = {}) {
  if (!dialog) return Promise.resolve(null);
  const find = dialog.querySelector("[data-find]");
  const list = dialog.querySelector("[data-reps]");
  const ok = dialog.querySelector("[data-ok]");
  const chosen = new Map();
  dialog.querySelector("[data-title]").textContent = title;
  dialog.querySelector("[data-note]").textContent = note;
  find.value = "";
  let asked = 0;
  let typing;

  async function offer() {
    const mine = ++asked;
    const { reps, total } = await call("GET", `/api/v1/assignees?search=${encodeURIComponent(find.value)}`);
    if (mine !== asked) return;
    list.replaceChildren(
      ...reps.map((rep) => {
        const line = document.createElement("label");
        const box = document.createElement("input");
        box.type = several ? "checkbox" : "radio";
        box.name = "rep";
        box.value = rep.rep_id;
        box.checked = chosen.has(rep.rep_id);
        box.addEventListener("change", () => {
          if (!several) chosen.clear();
          if (box.checked) chosen.set(rep.rep_id, rep.name);
          else chosen.delete(rep.rep_id);
          told();
        });
        const more = [rep.role === "rep" ? null : rep.role, ...rep.teams].filter(Boolean).join(", ");
        line.append(box, ` ${rep.name} `, Object.assign(document.createElement("small"), { textContent: more }));
        return line;
      }),
    );
    if (!reps.length) list.textContent = find.value ? "Nobody is called that." : "The org has published no active rep yet.";
    if (total > reps.length) list.append(`and ${total - reps.length} more: type a name`);
  }

  function told() {
    ok.disabled = chosen.size === 0;
    const names = [...chosen.values()];
    dialog.querySelector("[data-chosen-reps]").textContent = names.length ? `To ${names.join(", ")}` : "";
  }

  return new Promise((resolve) => {
    const controller = new AbortController();
    const { signal } = controller;
    const end = (result) => {
      controller.abort();
      if (dialog.open) dialog.close();
      resolve(result);
    };
    find.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(offer, 120);
    }, { signal });
    find.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") {
        event.preventDefault();
        list.querySelector("input")?.focus();
      } else if (event.key === "Enter") {
        event.preventDefault();
        // The only one left, or the chosen ones.
        const boxes = list.querySelectorAll("input");
        if (!chosen.size && boxes.length === 1) boxes[0].click();
        else if (chosen.size) end([...chosen.keys()]);
      }
    }, { signal });
    list.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (!chosen.size) event.target.click();
      end([...chosen.keys()]);
    }, { signal });
    ok.addEventListener("click", () => end([...chosen.keys()]), { signal });
    dialog.querySelector("[data-cancel]").addEventListener("click", () => end(null), { signal });
    dialog.addEventListener("close", () => end(null), { signal });
    told();
    offer();
    dialog.showModal();
    find.focus();
  });
}

// Ask a question that is answered with OK or Cancel.
export function confirmed(question, note = "") {
  const ask = document.getElementById("confirm");
  ask.querySelector("[data-question]").textContent = question;
  ask.querySelector("[data-note]").textContent = note;
  return new Promise((resolve) => {
    ask.returnValue = "";
    ask.addEventListener("close", () => resolve(ask.returnValue === "ok"), { once: true });
    ask.showModal();
    ask.querySelector("[data-ok]").focus();
  });
}
