// Runs one action on many leads. It shows the progress, and each failed lead with the reason.

import { CSRF_TOKEN, messageOf, Problem } from "./api.js";
import { element, finder } from "./dom.js";

/**
 * One line of the answer of /api/v1/leads/actions.
 * @typedef {object} Progress
 * @property {number} of the number of leads
 * @property {number} [answered]
 * @property {number} done
 * @property {number} lost
 * @property {number} refused
 * @property {number} unanswered
 * @property {boolean} [finished]
 * @property {Failure[]} others the leads whose action failed
 * @property {Record<string, number>} by_rep how many each rep would get
 * @property {Record<"owned" | "closed" | "unknown", number>} stand how many are left out, by reason
 */

/**
 * @typedef {object} Failure
 * @property {string} lead_id
 * @property {string} result
 * @property {string} [owner]
 * @property {string} [owner_name]
 * @property {string} [why]
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
 * Sends the action and shows its progress.
 * @param {string} title
 * @param {string} participle what was done with a lead: "assigned", "ignored" …
 * @param {object} body
 * @param {Map<string, string>} [names] of leads, by id
 * @returns {Promise<Progress | null>} null if it was stopped or failed
 */
export async function runBulkAction(title, participle, body, names = new Map()) {
  const key = crypto.randomUUID();
  const dialog = dialogOf();
  const find = finder(dialog);
  find("[data-title]").textContent = title;
  find("[data-failures]").replaceChildren();
  const [stop, again, close] = [find("[data-stop]"), find("[data-again]"), find("[data-close]")];
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
    if (last) showResult(last, participle, names);
    close.focus();
    const choice = await new Promise((resolve) => {
      again.onclick = () => resolve("again");
      close.onclick = () => resolve("close");
      dialog.onclose = () => resolve("close");
    });
    if (choice === "again") continue;
    dialog.onclose = null;
    if (dialog.open) dialog.close();
    return last;
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
  const parts = [`${line.done.toLocaleString()} ${participle}`];
  if (line.lost) parts.push(`${line.lost.toLocaleString()} already had an owner`);
  if (line.refused) parts.push(`${line.refused.toLocaleString()} refused`);
  if (line.unanswered) parts.push(`${line.unanswered.toLocaleString()} have no answer yet`);
  return parts.join(", ");
}

/**
 * @param {Progress} line
 * @param {string} participle
 * @param {Map<string, string>} names
 */
function showResult(line, participle, names) {
  barOf().value = line.of;
  showStatus(`${summary(line, participle)}.`);
  element("[data-failures]", dialogOf()).replaceChildren(
    ...line.others.map((failure) => {
      const name = names.get(failure.lead_id) ?? failure.lead_id;
      return Object.assign(document.createElement("li"), { textContent: `${name}: ${reasonOf(failure)}` });
    }),
  );
}

/** @param {Failure} failure */
function reasonOf({ result, owner, owner_name, why, reason }) {
  if (result === "lost") return `${owner_name ?? owner} has it`;
  return why ?? reason ?? "there is no answer yet; it may still be done";
}
