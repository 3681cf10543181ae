// The call queue page: a live window on one queue, search, and the claim in two steps.

import { act, call, pending } from "./api.js";
import { shown } from "./format.js";
import { keys, tabs } from "./keys.js";
import { Window } from "./list.js";
import { Live } from "./live.js";
import { offers } from "./offers.js";
import { badge, ownAction } from "./own-queue.js";
import { Published } from "./published.js";
import { say } from "./say.js";

const data = JSON.parse(document.getElementById("list-data").textContent);
const list = document.getElementById("list");
const find = (selector) => list.querySelector(selector);
const view = new Window(data);
const columns = [{ name: "name", label: "Name", type: "text" }, ...data.columns];

// -- the table --------------------------------------------------------------------------------------------------

find("[data-head]").append(
  ...columns.map((column) => {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = column.label;
    if (column.type === "number") cell.className = "number";
    return cell;
  }),
  Object.assign(document.createElement("th"), { innerHTML: '<span class="hidden">Action</span>' }),
);

const known = new Map();

function rowOf(row) {
  let line = known.get(row.lead_id);
  if (!line) {
    line = document.createElement("tr");
    line.dataset.lead = row.lead_id;
  }
  if (line.dataset.version !== String(row.version)) {
    line.dataset.version = row.version;
    line.replaceChildren(
      ...columns.map((column) => {
        const cell = document.createElement("td");
        cell.textContent = shown(column, row.columns[column.name]);
        if (column.type === "number") cell.className = "number";
        if (data.mine && column.name === "name") cell.append(...badge(row));
        return cell;
      }),
      action(row),
    );
  }
  return line;
}

function action(row) {
  const cell = document.createElement("td");
  cell.className = "act";
  if (data.claimable) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Claim";
    button.setAttribute("aria-label", `Claim ${row.columns.name}`);
    button.addEventListener("click", () => confirm(row));
    cell.append(button);
  } else if (data.mine) {
    cell.append(...ownAction(row));
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

function draw(fresh) {
  const body = find("[data-rows]");
  const focused = document.activeElement?.closest("tr")?.dataset.lead;
  const place = focused ? view.rows.findIndex((row) => row.lead_id === focused) : -1;
  const lines = view.rows.map(rowOf);
  known.clear();
  for (const line of lines) known.set(line.dataset.lead, line);
  const wanted = new Set(lines);
  for (const line of [...body.children]) if (!wanted.has(line)) line.remove();
  lines.forEach((line, n) => {
    if (body.children[n] !== line) body.insertBefore(line, body.children[n] ?? null);
  });
  if (fresh && known.has(fresh)) {
    const line = known.get(fresh);
    line.classList.add("fresh");
    line.addEventListener("animationend", () => line.classList.remove("fresh"), { once: true });
  }
  // Who was on a row that is gone goes on at the one in its place, or where there is none at the list itself.
  if (focused && place < 0) (body.children[Math.min(lastPlace, body.children.length - 1)]?.querySelector("button, a") ?? find("h1")).focus();
  lines.forEach((line, n) => (line.dataset.place = n));
  find("[data-size]").textContent = view.size === 1 ? "1 lead" : `${view.size.toLocaleString()} leads`;
  const empty = find("[data-empty]");
  empty.hidden = view.rows.length > 0;
  empty.textContent = view.name
    ? `Nobody here is called “${view.name}”. Clear the search to see everyone.`
    : data.mine
      ? "You have no leads yet. Claim one from a green queue, or open one from a work queue."
      : data.view
        ? "None of your leads meets this view's rules now. Those that do appear by themselves."
        : "No leads here now. New ones appear by themselves.";
  const pager = find("[data-pager]");
  pager.hidden = Boolean(view.name) || view.size <= view.length;
  find("[data-range]").textContent = `${view.start + 1}–${view.start + view.rows.length}`;
  find("[data-earlier]").disabled = view.start === 0;
  find("[data-later]").disabled = view.start + view.length >= view.size;
  const size = document.querySelector(`[data-size-of="${CSS.escape(data.api)}"]`);
  if (size) size.textContent = view.size;
}

let lastPlace = 0;
list.addEventListener("focusin", (event) => {
  const line = event.target.closest("tr");
  if (line?.dataset.place) lastPlace = Number(line.dataset.place);
});

view.changed = (fresh) => draw(fresh);
view.failed = (error) => say(error.message);
draw();

// -- search and pages -------------------------------------------------------------------------------------------

const search = find("[data-search]");
let typing;
search.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => view.search(search.querySelector("input").value), 100);
});
search.addEventListener("submit", (event) => event.preventDefault());
search.addEventListener("reset", () => view.search(""));
find("[data-earlier]").addEventListener("click", () => view.move(-1));
find("[data-later]").addEventListener("click", () => view.move(1));

// -- the claim --------------------------------------------------------------------------------------------------

const claim = document.getElementById("claim");
const claimed = document.getElementById("claimed");
let chosen = null;

function confirm(row) {
  chosen = row;
  claim.querySelector("[data-claim-name]").textContent = row.columns.name;
  claim.showModal();
  claim.querySelector("[data-claim]").focus();
}

claim.querySelector("[data-cancel]").addEventListener("click", () => claim.close());
claim.querySelector("[data-claim]").addEventListener("click", async (event) => {
  const { lead_id, columns: { name } } = chosen;
  event.target.disabled = true;
  try {
    tell(await act(`/api/v1/leads/${lead_id}/claims`, { queue_id: data.api }, { name }), name);
  } catch (error) {
    say(error.message);
  } finally {
    event.target.disabled = false;
    claim.close();
  }
});

function tell(answer, name) {
  const won = answer.result === "won";
  const lost = answer.result === "lost";
  claimed.querySelector("[data-claimed-title]").textContent = won
    ? "Congratulations! You have a new lead"
    : lost
      ? "Lead already claimed"
      : "This lead cannot be claimed";
  claimed.querySelector("[data-claimed-why]").textContent = won
    ? name
    : lost
      ? `${name}: ${answer.owner_name ?? answer.owner} has it.`
      : `${name}: ${answer.why ?? answer.reason}`;
  const details = claimed.querySelector("[data-details]");
  details.hidden = !won;
  details.href = `/leads/${answer.lead_id}`;
  claimed.showModal();
  claimed.querySelector(won ? "[data-details]" : "[data-return]").focus();
}
claimed.querySelector("[data-return]").addEventListener("click", () => claimed.close());

// A claim whose answer was not seen (the page was left, the console was away) is asked again, the same one.
for (const [key, { path, body, note }] of Object.entries(pending())) {
  if (path.endsWith("/claims")) act(path, body, note, key).then((answer) => tell(answer, note.name), (error) => say(error.message));
}

// -- live -------------------------------------------------------------------------------------------------------

const links = document.getElementById("queues");
async function relink() {
  const queues = await call("GET", "/api/v1/queues");
  for (const queue of queues) {
    const size = links.querySelector(`[data-size-of="${CSS.escape(queue.queue_id)}"]`);
    if (size) size.textContent = queue.size;
  }
  return queues;
}

const live = new Live({});
live.on("list", (change, id) => {
  if (!data.view) view.apply(change, id);
  else if (change.queue_id === data.queue_id) reread();
  if (change.size !== undefined && change.size !== null) {
    const size = links.querySelector(`[data-size-of="${CSS.escape(change.queue_id)}"]`);
    if (size) size.textContent = change.size;
  }
  if (change.change === "rebuilt") relink();
});
const published = new Published(data, links);
live.on("queues", () => published.look().catch((error) => say(error.message)));
// A view of one's own leads is a question to the database, asked again when they change, and as time passes: leads that
// came or went are told when it has them; anything else of them may be there a little later.
const LATE_MS = 1500;
const MINUTE_MS = 60_000;
let late;
function reread() {
  late ??= setTimeout(() => {
    late = null;
    view.read();
  }, LATE_MS);
}
if (data.view) {
  for (const event of ["open", "leads"]) live.on(event, () => view.readSoon());
  setInterval(() => view.readSoon(), MINUTE_MS);
}
offers.quiet = data.mine;
keys(find("[data-rows]"));
tabs(document.querySelector("[role=tablist]"));
live.start(data.as_of);
document.documentElement.dataset.ready = "yes";
