// Runs one action on many leads. It shows the progress, and each failed lead with the reason.

import { CSRF_TOKEN, messageOf, Problem } from "./api.js";
import { element, finder } from "./dom.js";
import { localised, spaced } from "./format.js";

/**
 * One line of the answer of /api/v1/leads/actions.
 * @typedef {object} Progress
 * @property {number} of the number of leads
 * @property {number} [answered]
 * @property {number} done
 * @property {number} lost
 * @property {number} refused
 * @property {number} unanswered
 * @property {number} [unchanged] how many of those done had the rep as their owner already
 * @property {boolean} [finished]
 * @property {Failure[]} others the leads whose action failed
 * @property {Given[]} [given] the leads that reps got
 * @property {Record<string, string>} [names] of the leads in `others` and `given`, by lead id
 * @property {Record<string, number>} by_rep how many each rep gets, or would get
 * @property {number} [changing] in a dry run: how many leads would change
 * @property {Record<string, number>} [stays] in a dry run: how many would not, by reason
 * @property {Record<string, number>} [unlicensed_states] in a dry run: state -> leads that no chosen rep may have
 * @property {boolean} [wantsMove] the person wants to move the leads that somebody has already
 */

/** @typedef {{lead_id: string, to: string}} Given */

/**
 * @typedef {object} Failure
 * @property {string} lead_id
 * @property {string} result
 * @property {string} [owner]
 * @property {string} [owner_name]
 * @property {string} [why]
 * @property {string} [words] `why` with people's names
 * @property {string} [problem] `words` without what a manager may do about a single lead
 * @property {string} [reason]
 */

// The reps' list of unassigned leads has no such dialog, so it is looked up only when it is needed.
const dialogOf = () => element("#many", document, "dialog");
const barOf = () => element("progress", dialogOf(), "progress");

/** @param {string} text */
function showStatus(text) {
  element("[data-status]", dialogOf()).textContent = text;
}

/**
 * Sends the action and returns the last line of the answer.
 * @param {object} body
 * @param {string} key the id of the action
 * @param {(line: Progress) => void} [onLine]
 * @param {AbortSignal} [signal]
 * @returns {Promise<Progress>}
 * @throws {Error} when the answer ends early
 */
export async function sendBulkAction(body, key, onLine = () => {}, signal = undefined) {
  const headers = { "content-type": "application/json", "x-csrf-token": CSRF_TOKEN, "idempotency-key": key };
  const response = await fetch("/api/v1/leads/actions", {
    method: "POST",
    headers,
    body: JSON.stringify(body),
    signal,
  });
  if (!response.ok || !response.body) throw new Problem(response.status, await response.json());
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  /** @type {Progress | null} */
  let last = null;
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      last = /** @type {Progress} */ (JSON.parse(line));
      onLine(last);
    }
    if (done) break;
  }
  if (!last?.finished) throw new Error("The connection was lost. What was answered counts. Try again to do the rest.");
  return last;
}

/**
 * What the report needs besides the answer.
 * @typedef {object} Report
 * @property {Map<string, string>} [names] of leads, by id
 * @property {Map<string, string>} [reps] the names of the reps who get leads, by id
 * @property {string} [stay] how many leads were left out, and why
 */

/**
 * Sends the action and shows its progress.
 * @param {string} title
 * @param {string} participle what was done with a lead: "assigned", "ignored" …
 * @param {object} body
 * @param {Report} [report]
 * @returns {Promise<Progress | null>} null if it was stopped or failed
 */
export async function runBulkAction(title, participle, body, report = {}) {
  const key = crypto.randomUUID();
  const dialog = dialogOf();
  const find = finder(dialog);
  find("[data-title]").textContent = title;
  find("[data-failures]").replaceChildren();
  const [stop, again, close] = [find("[data-stop]"), find("[data-again]"), find("[data-close]")];
  const move = find("[data-move-lost]");
  move.hidden = true;
  dialog.showModal();
  stop.focus();
  for (;;) {
    const stopping = new AbortController();
    stop.hidden = false;
    again.hidden = true;
    close.hidden = true;
    showStatus("Asking …");
    barOf().removeAttribute("value");
    stop.onclick = () => stopping.abort();
    dialog.oncancel = (event) => event.preventDefault();
    let last = null;
    try {
      last = await sendBulkAction(body, key, (line) => showProgress(line, participle), stopping.signal);
    } catch (error) {
      showStatus(stopping.signal.aborted ? "Stopped. What was answered counts." : messageOf(error));
    }
    dialog.oncancel = null;
    stop.hidden = true;
    close.hidden = false;
    again.hidden = last !== null;
    if (last) showResult(last, participle, report);
    move.hidden = !(last?.lost && report.reps);
    close.focus();
    const choice = await new Promise((resolve) => {
      again.onclick = () => resolve("again");
      close.onclick = () => resolve("close");
      move.onclick = () => resolve("move");
      dialog.onclose = () => resolve("close");
    });
    if (choice === "again") continue;
    dialog.onclose = null;
    if (dialog.open) dialog.close();
    return last && choice === "move" ? { ...last, wantsMove: true } : last;
  }
}

/**
 * @param {Progress} line
 * @param {string} participle
 */
function showProgress(line, participle) {
  const bar = barOf();
  bar.max = Math.max(line.of, 1);
  bar.value = line.answered ?? 0;
  showStatus(`${summary(line, participle)} of ${line.of.toLocaleString()}`);
}

/**
 * @param {Progress} line
 * @param {string} participle
 */
function summary(line, participle) {
  const unchanged = line.unchanged ?? 0;
  const parts = [`${(line.done - unchanged).toLocaleString()} ${participle}`];
  if (unchanged) parts.push(`${unchanged.toLocaleString()} ${unchanged === 1 ? "stays" : "stay"} with the owner`);
  if (line.lost) parts.push(`${line.lost.toLocaleString()} already had an owner`);
  if (line.refused) parts.push(`${line.refused.toLocaleString()} refused`);
  if (line.unanswered) parts.push(`${line.unanswered.toLocaleString()} have no answer yet`);
  return parts.join(", ");
}

/**
 * @param {Progress} line
 * @param {string} participle
 * @param {Report} report
 */
function showResult(line, participle, { names = new Map(), reps = new Map(), stay = "" }) {
  barOf().value = line.of;
  const shares = sharesText(line.by_rep, reps);
  const gave = shares ? `${shares}.` : "";
  showStatus([`${summary(line, participle)}.`, gave, stay].filter(Boolean).join(" "));
  /** @param {string} lead */
  const nameOf = (lead) => names.get(lead) ?? line.names?.[lead] ?? "A lead";
  const failed = line.others.map((failure) => `${nameOf(failure.lead_id)}: ${reasonOf(failure)}`);
  const given = (line.given ?? []).map(({ lead_id, to }) => `${nameOf(lead_id)}: ${reps.get(to) ?? to} has it now`);
  const listed = failed.length + given.length;
  const answered = line.done - (line.unchanged ?? 0) + line.lost + line.refused + line.unanswered;
  const more = reps.size && answered > listed ? [`and ${(answered - listed).toLocaleString()} more`] : [];
  element("[data-failures]", dialogOf()).replaceChildren(
    ...[...failed, ...given, ...more].map((text) => Object.assign(document.createElement("li"), { textContent: text })),
  );
}

/**
 * Says how many leads each of the chosen reps gets, in the order in which they were chosen.
 * @param {Record<string, number>} byRep
 * @param {Map<string, string>} reps their names by their ids
 */
export function sharesText(byRep, reps) {
  return [...reps]
    .filter(([rep]) => byRep[rep])
    .map(([rep, name]) => `${name} ${byRep[rep].toLocaleString()}`)
    .join(", ");
}

/** @param {Failure} failure */
function reasonOf({ result, owner, owner_name, problem, words, why, reason }) {
  if (result === "lost") return `${owner_name ?? owner} has it`;
  return localised(problem ?? words ?? why ?? spaced(reason ?? "there is no answer yet; it may still be done"));
}
