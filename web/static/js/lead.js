// The lead page: it opens the lead, shows what the server lets this person see of it, and works it.

import { act, call, pending } from "./api.js";
import { left, localised, sentence, shown, when, words } from "./format.js";
import { Live } from "./live.js";
import { say } from "./say.js";
import { OWN, choices, instant } from "./zones.js";

const data = JSON.parse(document.getElementById("lead-data").textContent);
const place = document.getElementById("lead");
const refusal = document.querySelector("[data-refused]");
const back = document.getElementById("back");
// Who came from a list of another kind goes back to it as it was, with its filters.
const from = document.referrer ? new URL(document.referrer) : null;
if (from?.origin === location.origin && !from.pathname.startsWith("/queues")) {
  const link = document.querySelector(`header.top nav a[href="${CSS.escape(from.pathname)}"]`);
  const known = from.pathname.startsWith("/views/") ? "your view" : link?.textContent;
  if (known) Object.assign(back, { href: from.href, textContent: `Back to ${known}` });
}
const actions = `/api/v1/leads/${data.lead_id}/actions`;
const find = (selector) => place.querySelector(selector);
let comment = "";
let busy = 0;

// -- what is shown ----------------------------------------------------------------------------------------------

async function part(more) {
  const query = new URLSearchParams(more);
  if (data.queue) query.set("queue", data.queue);
  const headers = { accept: "text/html", "hx-request": "true" };
  const answer = await fetch(`/leads/${data.lead_id}/shown?${query}`, { headers });
  if (answer.status === 401) location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
  const isPart = answer.headers.get("content-type")?.startsWith("text/html");
  if (!isPart) throw new Error((await answer.json()).detail);
  return { seen: answer.ok, html: await answer.text() };
}

// Take the lead anew from the server; true where this person still sees it.
async function show(version = 0) {
  const { seen, html } = await part({ at_least: version });
  const focused = place.contains(document.activeElement) ? document.activeElement.id : null;
  place.innerHTML = html;
  dress(place);
  const note = find("[data-note]");
  if (note) note.value = comment;
  const zone = find("[data-zone]");
  if (zone) choices(zone, zone.dataset.zone);
  hint();
  tick();
  const name = find("[data-name]")?.dataset.name;
  if (name) document.title = `${name} · firstclaim`;
  if (focused) document.getElementById(focused)?.focus();
  return seen;
}

function dress(root) {
  for (const time of root.querySelectorAll("time")) {
    time.textContent = when(time.dateTime);
    time.title = time.dateTime;
  }
  for (const line of root.querySelectorAll(".text, .why, .story details li, [data-why]")) {
    const texts = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) texts.currentNode.data = localised(texts.currentNode.data);
  }
  for (const cell of root.querySelectorAll("dd[data-type]")) {
    const { type, fact: name } = cell.dataset;
    const given = cell.textContent;
    const value = type === "boolean" ? given === "True" : type === "number" || type === "integer" ? Number(given) : given;
    cell.textContent = name.startsWith("loan_purpose") || name === "property_type" ? words(given) : shown({ type, name }, value);
  }
}

function tick() {
  for (const line of place.querySelectorAll("[data-until]")) {
    const time = left(line.dataset.until);
    if (time !== null) line.querySelector("[data-left]").textContent = time;
    else if (line.dataset.over !== "yes") {
      line.dataset.over = "yes";
      line.classList.add("over");
      if ("lock" in line.dataset) expired(line);
      else show().catch((error) => say(error.message));
    }
  }
}
setInterval(tick, 500);

// D2: what came of it may still be recorded, until somebody else has the lead.
function expired(line) {
  const text = "Your lock has run out, and the lead is back in its queues. You may still record what came of it until somebody else opens it.";
  const again = Object.assign(document.createElement("button"), { type: "button", textContent: "Open it again" });
  again.addEventListener("click", open);
  line.replaceChildren(text, " ", again);
  say(text);
}

function refused(answer, doing) {
  const text = answer.words ?? answer.why ?? words(answer.reason ?? "");
  const late = answer.reason === "lock_expired" ? "your lock had run out, and " : "";
  refusal.hidden = false;
  refusal.textContent = `${doing}. ${sentence(late + text)}`;
}

function focusTop() {
  find("h1")?.focus();
}

// -- opening ----------------------------------------------------------------------------------------------------

async function open() {
  refusal.hidden = true;
  busy += 1;
  try {
    let version = 0;
    if (data.opens && !data.view_only) {
      const answer = await act(actions, { type: "view" });
      version = answer.version;
      if (answer.result === "refused") refused(answer, "Not opened");
    }
    const seen = await show(version);
    if (!seen && !refusal.hidden) find("[data-why]").hidden = true;
    focusTop();
  } catch (error) {
    place.replaceChildren();
    refusal.hidden = false;
    refusal.textContent = error.message;
  } finally {
    busy -= 1;
    place.removeAttribute("aria-busy");
  }
}

// -- working ----------------------------------------------------------------------------------------------------

// Ask for an action, say what came of it, and show the lead as it is then: or that it is gone, and the way back.
async function perform(body, said, key) {
  refusal.hidden = true;
  busy += 1;
  for (const button of place.querySelectorAll("button")) button.disabled = true;
  try {
    const answer = await act(actions, body, { said }, key);
    const good = answer.result === "won" || answer.result === "done";
    if (!good) {
      const text = answer.result === "lost" ? `${answer.owner_name ?? answer.owner} has it.` : null;
      if (text) Object.assign(refusal, { hidden: false, textContent: text });
      else refused(answer, "Not done");
    } else if (body.note) comment = "";
    const name = find("[data-name]")?.dataset.name ?? "The lead";
    const seen = await show(answer.version);
    if (good && !seen) gone(name, said);
    else if (good) say(said);
    if (!good && !seen) find("[data-why]").hidden = true;
    if (seen || !good) focusTop();
    return good;
  } catch (error) {
    say(error.message);
    return false;
  } finally {
    busy -= 1;
    for (const button of place.querySelectorAll("button")) button.disabled = false;
  }
}

function gone(name, said) {
  const card = document.createElement("article");
  card.className = "card done";
  const title = Object.assign(document.createElement("h1"), { textContent: name });
  const text = Object.assign(document.createElement("p"), { textContent: said });
  text.setAttribute("role", "status");
  const link = Object.assign(document.createElement("a"), { className: "button primary", href: back.href, textContent: back.textContent });
  card.append(title, text, link);
  place.replaceChildren(card);
  link.focus();
}

const SAID = {
  claim_now: "Congratulations! You have a new lead",
  accept: "Congratulations! You have a new lead",
  release: "Released: the lead is back in its queues.",
  decline: "Declined: it goes to somebody else.",
};

place.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { act: what, outcome, epoch, more, open: dialog } = button.dataset;
  const note = comment.trim() || undefined;
  if (what) await perform({ type: what, epoch: epoch ? Number(epoch) : undefined }, SAID[what]);
  else if (outcome) await perform({ type: "outcome", outcome, note }, `Recorded: ${words(outcome)}.`);
  else if ("saveNote" in button.dataset) await saveNote(note);
  else if (more) await earlier(button, more);
  else if (dialog) ask(dialog);
});

async function saveNote(note) {
  if (!note) {
    find("[data-note]").focus();
    return say("Write the comment first.");
  }
  await perform({ type: "note", note }, "The comment is saved.");
}

place.addEventListener("input", (event) => {
  if (event.target.matches("[data-note]")) comment = event.target.value;
  if (event.target.closest("[data-callback]")) hint();
});

place.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (event.target.matches("[data-free]")) {
    const outcome = find("#outcome").value.trim();
    if (outcome) await perform({ type: "outcome", outcome, note: comment.trim() || undefined }, `Recorded: ${words(outcome)}.`);
  } else if (event.target.matches("[data-callback]")) await callBack();
});

async function earlier(button, cursor) {
  const line = button.closest("li");
  const list = line.parentElement;
  const { html } = await part({ cursor });
  line.remove();
  const before = list.children.length;
  list.insertAdjacentHTML("beforeend", html);
  dress(list);
  list.children[before]?.setAttribute("tabindex", "-1");
  list.children[before]?.focus();
}

// -- calling back (D4) ------------------------------------------------------------------------------------------

// {at} is null without a time; {wrong} says why it cannot be.
function promised() {
  const [date, time, zone] = ["#date", "#time", "#zone"].map((id) => find(id).value);
  if (!date && !time) return { at: null };
  if (!date || !time) return { wrong: `Choose a ${date ? "time" : "date"} as well, or neither.` };
  const at = instant(date, time, zone);
  if (at === null) return { wrong: "Clocks there skip that time: choose another." };
  if (at <= new Date()) return { wrong: "That is past: choose a later time." };
  return { at };
}

function hint() {
  const line = find("[data-hint]");
  if (!line) return;
  const { at, wrong } = promised();
  line.classList.toggle("wrong", Boolean(wrong));
  line.textContent =
    wrong ??
    (at === null
      ? "Without a date it goes to the end of the queue, and is not claimed."
      : find("#zone").value === OWN
        ? "It will be at the top of your queue then."
        : `It will be at the top of your queue then: ${when(at)} where you are.`);
}

async function callBack() {
  const { at, wrong } = promised();
  if (wrong) {
    find(find("#date").value ? "#time" : "#date").focus();
    return say(wrong);
  }
  const note = comment.trim();
  if (note && !(await perform({ type: "note", note }, "The comment is saved."))) return;
  const said = at ? `You promised to call at ${when(at)}.` : "It is at the end of the queue.";
  await perform({ type: "callback", at: at?.toISOString() }, said);
}

// -- managers ---------------------------------------------------------------------------------------------------

function ask(name) {
  const dialog = document.getElementById(name);
  if (name === "assign") list("");
  dialog.showModal();
}

function list(name) {
  const wanted = name.trim().toLowerCase();
  const found = data.reps.filter((rep) => rep.name.toLowerCase().includes(wanted));
  const select = document.getElementById("to-rep");
  select.replaceChildren(...found.map((rep) => new Option(rep.name, rep.rep_id)));
  if (found.length) select.selectedIndex = 0;
}

for (const dialog of document.querySelectorAll("dialog#assign, dialog#reopen")) {
  dialog.querySelector("[data-cancel]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (dialog.id === "reopen") {
      dialog.close();
      return void (await perform({ type: "reopen_claimable" }, "It may be claimed once more."));
    }
    const chosen = document.getElementById("to-rep").selectedOptions[0];
    if (!chosen) return say("Choose somebody.");
    dialog.close();
    await perform({ type: "assign", to_rep_id: chosen.value }, `Assigned to ${chosen.text}.`);
  });
}
document.getElementById("find-rep")?.addEventListener("input", (event) => list(event.target.value));

document.querySelector("[data-view-only]")?.addEventListener("change", async (event) => {
  try {
    await call("PUT", "/api/v1/preferences/view_only", { on: event.target.checked });
    data.view_only = event.target.checked;
    say(data.view_only ? "Leads open without a lock from now on." : "Opening a lead locks it from now on.");
    await open();
  } catch (error) {
    event.target.checked = !event.target.checked;
    say(error.message);
  }
});

// -- live -------------------------------------------------------------------------------------------------------

const live = new Live({ queue: "mine" });
live.on("leads", ({ leads }) => {
  if (!busy && leads.includes(data.lead_id)) show().catch((error) => say(error.message));
});
live.start();

// What was asked before the page was left, or while the console was away, is asked again, the same.
for (const [key, { path, body, note }] of Object.entries(pending())) {
  if (path === actions && body.type !== "view") await perform(body, note.said ?? "Done.", key);
}
await open();
document.documentElement.dataset.ready = "yes";
