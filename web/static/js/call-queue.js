// The call queue page: a live window on one queue, the search, and the claim in two steps.

import { act, call, messageOf, pendingActions } from "./api.js";
import { element, elements, finder, focusedIn, pageData } from "./dom.js";
import { leadCount, valueText } from "./format.js";
import { rowKeys, tabs } from "./keyboard.js";
import { ListWindow } from "./list-window.js";
import { Live } from "./live.js";
import { badges, myQueueActions } from "./my-queue-row.js";
import { offers } from "./offers.js";
import { QueueLinks } from "./queue-links.js";
import { QueueSelection } from "./queue-selection.js";
import { doNotCall } from "./row-parts.js";
import { say } from "./say.js";

/** @import { Answer, BoardRow, Column } from "./types.d.ts" */

const data = pageData("list-data");
const list = element("#list");
const find = finder(list);
const leads = new ListWindow(data);
/** @type {Column[]} */
const columns = [{ name: "name", label: "Name", type: "text" }, ...data.columns];
/** @param {unknown} error */
const sayError = (error) => say(messageOf(error));

const selection = data.selects ? new QueueSelection(list) : null;

// -- the table --------------------------------------------------------------------------------------------------

find("[data-head]").append(
  ...(selection ? [selection.head()] : []),
  ...columns.map((column) => {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = column.label;
    if (column.type === "number") cell.className = "number";
    return cell;
  }),
  Object.assign(document.createElement("th"), { innerHTML: '<span class="hidden">Action</span>' }),
);

/** @type {Map<string, HTMLTableRowElement>} by lead id */
const lines = new Map();

/** @param {BoardRow} row */
function lineOf(row) {
  let line = lines.get(row.lead_id);
  if (!line) {
    line = document.createElement("tr");
    line.dataset.lead = row.lead_id;
  }
  if (line.dataset.version !== String(row.version)) {
    line.dataset.version = String(row.version);
    line.replaceChildren(
      ...(selection ? [selection.cell(row)] : []),
      ...columns.map((column) => {
        const cell = document.createElement("td");
        cell.textContent = valueText(column, row.columns[column.name]);
        if (column.type === "number") cell.className = "number";
        if (column.name === "phone" && row.columns.may_call === false) cell.append(" ", doNotCall());
        if (data.mine && column.name === "name") cell.append(...badges(row));
        return cell;
      }),
      actionCell(row),
    );
  }
  return line;
}

/** @param {BoardRow} row */
function actionCell(row) {
  const cell = document.createElement("td");
  cell.className = "act";
  if (row.may_claim === false) {
    cell.textContent = row.why_not ?? "Not yours to claim.";
  } else if (data.claimable) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Claim";
    button.setAttribute("aria-label", `Claim ${row.columns.name}`);
    button.addEventListener("click", () => askToClaim(row));
    cell.append(button);
  } else if (data.mine) {
    cell.append(...myQueueActions(row));
  } else {
    const link = document.createElement("a");
    link.className = "button";
    link.href = data.view ? `/leads/${row.lead_id}` : `/leads/${row.lead_id}?queue=${encodeURIComponent(data.api)}`;
    link.textContent = "Open";
    link.setAttribute("aria-label", `Open ${row.columns.name}`);
    cell.append(link);
  }
  return cell;
}

/** @param {string | null} [enteredOrMoved] the lead to highlight */
function draw(enteredOrMoved) {
  const body = find("[data-rows]");
  const focused = focusedIn(document)?.closest("tr")?.dataset.lead;
  const isThere = focused !== undefined && leads.rows.some((row) => row.lead_id === focused);
  const wanted = new Map(leads.rows.map((row) => [row.lead_id, lineOf(row)]));
  lines.clear();
  for (const [lead, line] of wanted) lines.set(lead, line);
  for (const line of elements("tr", body, "tr")) if (lines.get(line.dataset.lead ?? "") !== line) line.remove();
  for (const [n, line] of [...lines.values()].entries()) {
    if (body.children[n] !== line) body.insertBefore(line, body.children[n] ?? null);
    line.dataset.place = String(n);
  }
  const fresh = enteredOrMoved && lines.get(enteredOrMoved);
  if (fresh) {
    fresh.classList.add("fresh");
    fresh.addEventListener("animationend", () => fresh.classList.remove("fresh"), { once: true });
  }
  // If the focused row was removed, the row in its place gets the focus, or the list's heading.
  if (focused && !isThere) {
    const next = body.children[Math.min(lastPlace, body.children.length - 1)]?.querySelector("button, a");
    (next instanceof HTMLElement ? next : find("h1")).focus();
  }
  find("[data-size]").textContent = leadCount(leads.size);
  selection?.draw();
  const empty = find("[data-empty]");
  empty.hidden = leads.rows.length > 0;
  empty.textContent = emptyText();
  find("[data-pager]").hidden = Boolean(leads.name) || leads.size <= leads.length;
  find("[data-range]").textContent = `${leads.start + 1}–${leads.start + leads.rows.length}`;
  find("[data-earlier]", "button").disabled = leads.start === 0;
  find("[data-later]", "button").disabled = leads.start + leads.length >= leads.size;
  showSize(data.api, leads.size);
}

function emptyText() {
  if (leads.name) return `No lead here has the name “${leads.name}”. Clear the search to see all leads.`;
  if (data.mine) return "You have no leads yet. Claim one from a green queue, or open one from a work queue.";
  if (data.view) return "None of your leads meets the rules of this view now. New ones appear by themselves.";
  return "No leads here now. New ones appear by themselves.";
}

let lastPlace = 0;
list.addEventListener("focusin", () => {
  const line = focusedIn(list)?.closest("tr");
  if (line?.dataset.place) lastPlace = Number(line.dataset.place);
});

leads.onChange = draw;
leads.onError = sayError;
draw();

// -- search and pages -------------------------------------------------------------------------------------------

const search = find("[data-search]", "form");
const searchName = element("input", search, "input");
const TYPING_MS = 100;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let typing;
search.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => leads.search(searchName.value), TYPING_MS);
});
search.addEventListener("submit", (event) => event.preventDefault());
search.addEventListener("reset", () => leads.search(""));
find("[data-earlier]").addEventListener("click", () => leads.move(-1));
find("[data-later]").addEventListener("click", () => leads.move(1));

// -- the claim --------------------------------------------------------------------------------------------------

const claimDialog = element("#claim", document, "dialog");
const answerDialog = element("#claimed", document, "dialog");
const claimButton = element("[data-claim]", claimDialog, "button");
/** @type {BoardRow | null} */
let selected = null;

/** @param {BoardRow} row */
function askToClaim(row) {
  selected = row;
  element("[data-claim-name]", claimDialog).textContent = row.columns.name;
  claimDialog.showModal();
  claimButton.focus();
}

element("[data-cancel]", claimDialog).addEventListener("click", () => claimDialog.close());
claimButton.addEventListener("click", async () => {
  if (!selected) return;
  const { lead_id: lead, columns: shown } = selected;
  claimButton.disabled = true;
  try {
    const { name } = shown;
    showAnswer(await act(`/api/v1/leads/${lead}/claims`, { queue_id: data.api }, { name }), name);
  } catch (error) {
    sayError(error);
  } finally {
    claimButton.disabled = false;
    claimDialog.close();
  }
});

/**
 * @param {Answer} answer
 * @param {string} name of the lead
 */
function showAnswer(answer, name) {
  const won = answer.result === "won";
  const lost = answer.result === "lost";
  const title = won
    ? "Congratulations! You have a new lead"
    : lost
      ? "Lead already claimed"
      : "This lead cannot be claimed";
  const reason = lost ? `${answer.owner_name ?? answer.owner} has it.` : (answer.why ?? answer.reason);
  element("[data-claimed-title]", answerDialog).textContent = title;
  element("[data-claimed-why]", answerDialog).textContent = won ? name : `${name}: ${reason}`;
  const details = element("[data-details]", answerDialog, "a");
  details.hidden = !won;
  details.href = `/leads/${answer.lead_id}`;
  answerDialog.showModal();
  element(won ? "[data-details]" : "[data-return]", answerDialog).focus();
}
element("[data-return]", answerDialog).addEventListener("click", () => answerDialog.close());

// Claims whose answers this page has not seen are sent again with the same id, so the answer is the same.
for (const [key, { path, body, note }] of Object.entries(pendingActions())) {
  if (path.endsWith("/claims")) {
    act(path, body, note, key).then((answer) => showAnswer(answer, note.name ?? "The lead"), sayError);
  }
}

// -- live -------------------------------------------------------------------------------------------------------

const links = element("#queues");

/**
 * @param {string} queue
 * @param {number} size
 */
function showSize(queue, size) {
  const place = document.querySelector(`[data-size-of="${CSS.escape(queue)}"]`);
  if (place) place.textContent = String(size);
}

async function refreshSizes() {
  for (const queue of await call("GET", "/api/v1/queues")) showSize(queue.queue_id, queue.size);
}

const live = new Live({});
live.on("list", (change, id) => {
  if (!data.view) leads.apply(change, id);
  else if (change.queue_id === data.queue_id) readViewLater();
  if (change.change === "left" && change.queue_id === data.queue_id) selection?.drop(change.lead_id);
  if (change.size !== undefined && change.size !== null) showSize(change.queue_id, change.size);
  if (change.change === "rebuilt") refreshSizes().catch(sayError);
});
const queueLinks = new QueueLinks(data, links);
live.on("queues", () => queueLinks.refresh().catch(sayError));
// A view of the person's own leads is a database query. It runs again when the database has changes of the leads, and
// at intervals. Other changes in My queue may reach the database a little later.
const VIEW_READ_MS = 1500;
const MINUTE_MS = 60_000;
let isViewDue = false;
function readViewLater() {
  if (isViewDue) return;
  isViewDue = true;
  setTimeout(() => {
    isViewDue = false;
    leads.read();
  }, VIEW_READ_MS);
}
if (data.view) {
  for (const event of ["open", "leads"]) live.on(event, () => leads.readSoon());
  setInterval(() => leads.readSoon(), MINUTE_MS);
}
offers.onlyRings = data.mine;
rowKeys(find("[data-rows]"));
tabs(element("[role=tablist]"));
live.start(data.as_of);
document.documentElement.dataset.ready = "yes";
