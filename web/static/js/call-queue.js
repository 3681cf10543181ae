// The call queue page: a live window on one queue, the search, and the claim by one click.

import { call, messageOf } from "./api.js";
import { roundKeys, startCalling } from "./call-round.js";
import { Claims } from "./claims.js";
import { ClaimsOfOthers } from "./claims-of-others.js";
import { watchCovers } from "./covers.js";
import { setUpDensity } from "./density.js";
import { element, finder, focusedIn, pageData, setDisabled, setHidden, setText } from "./dom.js";
import { cellText, leadCount } from "./format.js";
import { rowKeys, tabs } from "./keyboard.js";
import { ListWindow } from "./list-window.js";
import { Live } from "./live.js";
import { badges, myQueueActions } from "./my-queue-row.js";
import { offers } from "./offers.js";
import { QueueCounts } from "./queue-counts.js";
import { setUpQueueFilter } from "./queue-filter.js";
import { QueueLinks } from "./queue-links.js";
import { QueueOrder } from "./queue-order.js";
import { QueueSelection } from "./queue-selection.js";
import { RowFold } from "./row-fold.js";
import { makeGap, nearest, RowHold, showWaiting } from "./row-hold.js";
import { doNotCall } from "./row-parts.js";
import { ageOf, CallTimes } from "./row-times.js";
import { say } from "./say.js";
import { hasTelephone } from "./telephone.js";

/** @import { BoardRow, Column } from "./types.d.ts" */

const LONG_MS = 15_000;
const data = pageData("list-data");
const list = element("#list");
const find = finder(list);
const leads = new ListWindow({ ...data, times: Boolean(data.call_times) });
/** @type {Column[]} */
const columns = [{ name: "name", label: "Name", type: "text" }, ...data.columns];
/** @param {unknown} error */
const sayError = (error) => say(messageOf(error));

// Each change draws, so what it writes to is looked up once.
const body = find("[data-rows]");
const leftOut = find("[data-left-out]");
const comes = find("[data-new]");
const size = find("[data-size]");
const empty = find("[data-empty]");
const pager = find("[data-pager]");
const range = find("[data-range]");
const earlier = find("[data-earlier]", "button");
const later = find("[data-later]", "button");
const links = element("#queues");
const counts = new QueueCounts(links, () => drawCounts());

const claims = new Claims(data.api);
/** @type {RowHold<BoardRow>} */
const hold = new RowHold(body, () => draw());
const others = new ClaimsOfOthers((gone) => (gone !== null && empties(gone)) || draw());
const fold = new RowFold(body, find("[data-end]"));

// A queue that does not show where its leads are has no times.
const times = data.call_times
  ? new CallTimes(`/api/v1/queues/${encodeURIComponent(data.api)}/call-times`, data.call_times)
  : null;

const selection = data.selects ? new QueueSelection(list) : null;

// -- the table --------------------------------------------------------------------------------------------------

const order = new QueueOrder(list, data.api, columns, () => draw());
const head = find("[data-head]");
head.append(
  ...(selection ? [selection.head()] : []),
  ...columns.map((column) => order.head(column)),
  ...(times ? [order.plainHead("call_time", "Lead's time")] : []),
  Object.assign(document.createElement("th"), { innerHTML: '<span class="hidden">Action</span>' }),
);

order.show();

const MANY_COLUMNS = 8; // They stand closer.
if (head.children.length >= MANY_COLUMNS) find("table").classList.add("many-columns");

/** @type {Map<string, HTMLTableRowElement>} by lead id */
const lines = new Map();

/** @type {WeakMap<HTMLTableRowElement, number>} the version of the lead that a line shows */
const versions = new WeakMap();

/** @param {BoardRow} row */
function lineOf(row) {
  let line = lines.get(row.lead_id);
  if (!line || line.classList.contains("gone")) {
    line = document.createElement("tr");
    line.dataset.lead = row.lead_id;
  }
  if (versions.get(line) !== row.version) {
    versions.set(line, row.version);
    line.replaceChildren(
      ...(selection ? [selection.cell(row)] : []),
      ...columns.map((column) => {
        const cell = document.createElement("td");
        const value = row.columns[column.name];
        cell.append(ageOf(column, value, times?.windowSeconds(row.lead_id)) ?? cellText(column, value));
        if (column.type === "number") cell.className = "number";
        if (column.name === "phone") cell.classList.add("unbroken");
        if (column.name === "phone" && row.columns.may_call === false) cell.append(" ", doNotCall());
        if (data.mine && column.name === "name") cell.append(...badges(row));
        return cell;
      }),
      ...(times ? [timeCell(row)] : []),
      actionCell(row),
    );
  }
  return line;
}

/** @param {BoardRow} row */
function timeCell(row) {
  const cell = document.createElement("td");
  cell.className = "call-time";
  if (times) cell.append(times.label(row.lead_id));
  return cell;
}

/** @param {BoardRow} row */
function actionCell(row) {
  const cell = document.createElement("td");
  cell.className = "act";
  if (row.may_claim === false) {
    cell.textContent = row.why_not ?? "Not yours to claim.";
  } else if (data.claimable) {
    cell.append(claims.button(row.lead_id, row.columns.name));
  } else if (data.mine) {
    cell.append(...myQueueActions(row));
  } else {
    const link = document.createElement("a");
    link.className = "button";
    link.href = data.view ? `/leads/${row.lead_id}` : `/leads/${row.lead_id}?queue=${encodeURIComponent(data.api)}`;
    link.textContent = "Open";
    link.setAttribute("aria-label", `Open ${row.columns.name}`);
    if (hasTelephone() && !data.view && row.columns.may_call !== false) {
      const dials = Object.assign(document.createElement("a"), { className: "button", textContent: "Call" });
      dials.href = `${link.href}#dial`;
      dials.setAttribute("aria-label", `Call ${row.columns.name}`);
      cell.append(dials);
    }
    cell.append(link);
  }
  return cell;
}

/** @param {string} lead of a row that has gone */
function gapOf(lead) {
  const line = lines.get(lead) ?? document.createElement("tr");
  return line.matches(".gone") ? line : makeGap(line);
}

/**
 * Makes a gap of a row, if nothing else of the list changes with it. So a claim of anybody costs each page little.
 * @param {string} lead
 * @returns {boolean} whether that was all
 */
function empties(lead) {
  const line = lines.get(lead);
  if (!line || line.matches(".gone") || focusedIn(line) || !hold.leaves(lead)) return false;
  makeGap(line);
  return true;
}

/** @param {BoardRow} row */
const mayCall = (row) => row.columns.may_call !== false && times?.times.get(row.lead_id)?.reason !== "suppressed";

/** Returns the rows to show: what must not be called never stands first, and what cannot be opened is not there. */
function shownRows() {
  const rows = others.without(leads.rows);
  const canOpen = data.claimable ? rows : rows.filter((row) => row.may_claim !== false);
  const missing = rows.length - canOpen.length;
  setHidden(leftOut, missing === 0);
  if (missing) setText(leftOut, `${leadCount(missing)} for which you have no licence: not shown.`);
  const sorted = order.sorted(canOpen);
  const silenced = sorted.filter((row) => !mayCall(row));
  return silenced.length ? [...sorted.filter(mayCall), ...silenced] : sorted;
}

/**
 * Puts the lines of the list where they belong.
 * @param {Map<string, HTMLTableRowElement>} wanted by lead id, in order
 */
function show(wanted) {
  const shown = new Set(wanted.values());
  /** @type {HTMLTableRowElement[]} */
  const gone = [];
  lines.clear();
  for (const [lead, line] of wanted) lines.set(lead, line);
  for (const line of /** @type {HTMLCollectionOf<HTMLTableRowElement>} */ (body.children)) {
    if (!shown.has(line)) gone.push(line);
  }
  for (const line of gone) line.remove();
  let next = body.firstElementChild;
  for (const line of shown) {
    if (next === line) next = next.nextElementSibling;
    else body.insertBefore(line, next);
  }
  fold.mark(shown);
}

/**
 * Says whether both have the same lines in the same order.
 * @param {Map<string, HTMLTableRowElement>} a
 * @param {Map<string, HTMLTableRowElement>} b
 */
function hasSameEntries(a, b) {
  const entries = [...b];
  return a.size === b.size && [...a].every(([lead, line], n) => lead === entries[n][0] && line === entries[n][1]);
}

/** @param {string | null} [enteredOrMoved] the lead to highlight */
function draw(enteredOrMoved) {
  const focused = focusedIn(document)?.closest("tr")?.dataset.lead;
  const rows = shownRows();
  hasRows = rows.length > 0;
  const isThere = focused !== undefined && rows.some((row) => row.lead_id === focused);
  const { gaps } = hold;
  const slots = hold.slots(rows, enteredOrMoved);
  const wanted = new Map(slots.map(({ lead, row }) => [lead, row ? lineOf(row) : gapOf(lead)]));
  const isSame = hasSameEntries(lines, wanted);
  if (!isSame) show(wanted);
  showWaiting(comes, hold.waiting);
  const fresh = enteredOrMoved && lines.get(enteredOrMoved);
  if (fresh) {
    fresh.classList.add("fresh");
    fresh.addEventListener("animationend", () => fresh.classList.remove("fresh"), { once: true });
  }
  // If the focused row was removed, the row in its place gets the focus, or the list's heading.
  if (focused && !isThere) {
    (nearest(body, lastIndex) ?? find("h1")).focus();
  }
  // Counts alone are hardly worth a frame of their own, nor a layout of what is around them with each row that goes.
  if (isSame) counts.drawSoon();
  else if (gaps < hold.gaps) counts.drawIfCalm();
  else counts.draw();
}

let hasRows = false;

/** Shows how many leads there are, and what follows from it. */
function drawCounts() {
  setText(size, leadCount(leads.size));
  if (selection) selection.size = leads.size;
  selection?.draw();
  setHidden(empty, hasRows);
  // A list with rows has buttons in it. An empty one must be scrolled by key as well.
  if (hasRows) empty.parentElement?.removeAttribute("tabindex");
  else empty.parentElement?.setAttribute("tabindex", "0");
  setText(empty, emptyText());
  setHidden(pager, Boolean(leads.name) || leads.size <= leads.length);
  setText(range, `${leads.start + 1}–${leads.start + leads.rows.length}`);
  setDisabled(earlier, leads.start === 0);
  setDisabled(later, leads.start + leads.length >= leads.size);
  counts.note(data.api, leads.size);
}

function emptyText() {
  if (leads.name) return `No lead here has the name “${leads.name}”. Clear the search to see all leads.`;
  if (data.mine) return "You have no leads yet. Claim one from a green queue, or open one from a work queue.";
  if (data.prepared) return "Its leads appear here by themselves.";
  if (data.view) return "None of your leads meets the rules of this view now. New ones appear by themselves.";
  return "No leads here now. New ones appear by themselves.";
}

let lastIndex = 0;
list.addEventListener("focusin", () => {
  const line = focusedIn(list)?.closest("tr");
  if (line?.dataset.lead && line.parentElement) lastIndex = [...line.parentElement.children].indexOf(line);
});

if (times) {
  leads.onRead = (page) => times.add(page.call_times ?? {});
  times.onKnown = (known) => {
    for (const lead of known) {
      const line = lines.get(lead);
      if (line && times.windowSeconds(lead)) versions.delete(line); // Its age has a colour now.
    }
    draw();
  };
}
let isGoneAlready = false; // A row that was hidden has left the list, so no row changes.
leads.onChange = (lead) => (isGoneAlready ? counts.drawSoon() : draw(lead));
leads.onError = sayError;
setUpDensity();
watchCovers(find(".scroll"));
draw();
counts.draw();
fold.fit();

// -- search and pages -------------------------------------------------------------------------------------------

const search = find("[data-search]", "form");
const searchName = element("input", search, "input");
const TYPING_MS = 100;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let typing;
search.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => searchFor(searchName.value), TYPING_MS);
});
search.addEventListener("submit", (event) => event.preventDefault());
search.addEventListener("reset", () => searchFor(""));
/** @param {string} name */
const searchFor = (name) => hold.without(() => leads.search(name));
earlier.addEventListener("click", () => hold.without(() => leads.move(-1)));
later.addEventListener("click", () => hold.without(() => leads.move(1)));

// -- the claim --------------------------------------------------------------------------------------------------

claims.onChange = (lead) => {
  const line = lines.get(lead);
  if (line?.matches(".gone")) return;
  const button = line?.querySelector("button.claim");
  const row = leads.rows.find(({ lead_id }) => lead_id === lead);
  if (row && button instanceof HTMLButtonElement) claims.show(button, lead, row.columns.name);
};
// The board tells the same a moment later, or a moment before.
claims.onTaken = (lead) => {
  if (leads.rows.some((row) => row.lead_id === lead)) others.hear({ lead_id: lead, over: false });
};
claims.resume();

// -- calling through the list -----------------------------------------------------------------------------------

const start = document.querySelector("[data-start-calling]");
start?.addEventListener("click", () =>
  startCalling(data.api)
    .then((end) => end && say(end, LONG_MS))
    .catch(sayError),
);
if (start instanceof HTMLButtonElement) roundKeys(list, () => start.click());

// -- live -------------------------------------------------------------------------------------------------------

async function refreshSizes() {
  for (const queue of await call("GET", "/api/v1/queues")) counts.note(queue.queue_id, queue.size);
  counts.drawSoon();
}

const live = new Live({ directory: String(data.directory) });
live.on("claiming", (claim) => {
  if (claim.queue_id === data.queue_id) others.hear(claim);
});
live.on("list", (change, id) => {
  const wasHidden = change.queue_id === data.queue_id && others.decided(change.lead_id);
  isGoneAlready = wasHidden && change.change === "left";
  // The list that was read may have this change already, and so have the row that was hidden.
  if (!data.view) leads.apply(change, id) || (wasHidden && draw());
  else if (change.queue_id === data.queue_id) readViewLater();
  isGoneAlready = false;
  if (change.change === "left" && change.queue_id === data.queue_id) selection?.drop(change.lead_id);
  if (change.size !== undefined && change.size !== null) {
    counts.note(change.queue_id, change.size);
    counts.drawSoon();
  }
  if (change.change === "rebuilt") refreshSizes().catch(sayError);
});
const queueLinks = new QueueLinks(data, links);
const applyFilter = setUpQueueFilter(links);
live.on("queues", () => queueLinks.refresh().then(applyFilter).catch(sayError));
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
rowKeys(body);
tabs(element("[role=tablist]"));
live.start(data.as_of);
document.documentElement.dataset.ready = "yes";
