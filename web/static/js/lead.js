// The lead page: opens the lead, shows what this person may see of it, and sends the person's actions.

import { act, messageOf, pendingActions } from "./api.js";
import { CallRound, roundKeys } from "./call-round.js";
import { element, elements, finder, pageData, targetOf } from "./dom.js";
import { outcomeOf, outcomeWords, sentence } from "./format.js";
import { activityKeys, LOGGED } from "./lead-activities.js";
import { nameBackLink } from "./lead-back.js";
import { callbackOf, setUpCallback, showCallbackHint } from "./lead-callback.js";
import { setUpCorrection } from "./lead-correction.js";
import { leadMoves, setUpReopenForClaims } from "./lead-moves.js";
import { fetchPart, localise, showGone, showTimeLeft, versionIn } from "./lead-parts.js";
import { hideReason, refusal, showExpiredLock, showRefusal } from "./lead-refusal.js";
import { TypedValues } from "./lead-typed.js";
import { setUpViewOnly } from "./lead-view-only.js";
import { Live } from "./live.js";
import { say } from "./say.js";
import { dial } from "./telephone.js";

/** @import { Answer } from "./types.d.ts" */

const data = pageData("lead-data");
const container = element("#lead");
const find = finder(container);
const back = element("#back", document, "a");
const actions = `/api/v1/leads/${data.lead_id}/actions`;
const TICK_MS = 500;
const STAYS = new Set(["note", "activity", "consent", "update", "dial", "claim_now"]); // acts that leave the lead where it is
const MAX_BEHIND = 12; // how often the page asks again for a state that the database has not got; the server waits 5 s
const typed = new TypedValues(container);
let shownName = ""; // the prospect's, kept after the lead is out of sight
/** @type {{text: string, version: number} | null} */
let latestResult = null; // of the person's newest act, until the page shows the lead after it
let busy = 0; // actions without an answer yet
let hasNews = false; // the lead changed since the page asked for it
let timesBehind = 0;
let shownVersion = 0; // the newest version that was asked for
let actedVersion = 0; // the version after this person's newest act
let endAskedFor = ""; // the end of an offer after which the page asked what became of it
let lastRequest = 0; // an earlier answer does not replace a later one
/** @param {unknown} error */
const sayError = (error) => say(messageOf(error));

nameBackLink(back);

const advances = document.querySelector("[data-advances]");
const round = new CallRound(
  advances ? data.queue : null,
  data.lead_id,
  advances instanceof HTMLInputElement ? advances : null,
);
const earlierMessage = element("[data-said-before]");

// -- what is shown ----------------------------------------------------------------------------------------------

/**
 * Shows the lead's state on the server. If the person's own act took the lead out of sight, says what became of the act.
 * @param {number} [version] the oldest version to show
 * @param {boolean} [isReread] keeps what is shown, and what is typed there, if the lead has not changed
 * @returns {Promise<boolean>} whether this person may still see it
 */
async function show(version = 0, isReread = false) {
  hasNews = false;
  shownVersion = Math.max(shownVersion, version);
  lastRequest += 1;
  const request = lastRequest;
  const { isVisible, html } = await fetchPart(data, { at_least: String(version) });
  if (request !== lastRequest) return isVisible;
  if (latestResult && !isVisible) {
    if (!container.querySelector(".done")) sayGone(latestResult.text);
    return false;
  }
  const isBegun = isVisible && typed.isIncomplete; // a date, while the answer was on its way
  hasNews ||= isBegun;
  if (isBegun) return isVisible;
  const wanted = Math.max(version, latestResult?.version ?? 0);
  const isBehind = isVisible && versionIn(html) < wanted;
  if (isBehind && timesBehind < MAX_BEHIND) {
    hasNews = true; // the database is behind: the page asks again
    timesBehind += 1;
    if (container.querySelector("[data-version]")) return isVisible; // what somebody types there stays
  }
  if (isReread && isVisible && versionIn(html) === versionIn(container.innerHTML)) return isVisible;
  typed.keepDuring(() => {
    container.innerHTML = html;
    localise(container);
    setUpCallback(container);
  });
  if (container.querySelector("[data-callback]")) showCallbackHint(container);
  tick();
  const lead = container.querySelector("[data-version]");
  if (lead instanceof HTMLElement) {
    shownName = lead.dataset.name ?? "";
    document.title = `${shownName} · firstclaim`;
    if (!isBehind) {
      latestResult = null;
      timesBehind = 0;
    }
  }
  return isVisible;
}

function nameShown() {
  const lead = container.querySelector("[data-name]");
  return lead instanceof HTMLElement ? lead.dataset.name : undefined;
}

/** @param {string} text what became of the act that took the lead out of sight */
const sayGone = (text) => showGone(container, back, shownName || "The lead", text);

function tick() {
  showTimeLeft(container, (line) => {
    if ("lock" in line.dataset) showExpiredLock(line, open);
    else if (line.dataset.until !== endAskedFor) {
      endAskedFor = line.dataset.until ?? ""; // if the offer still stands by the server's clock, its end comes as an event
      show().catch(sayError);
    }
  });
}
setInterval(() => {
  tick();
  if (hasNews) showNews();
}, TICK_MS);

const focusTitle = () => container.querySelector("h1")?.focus();

// -- opening ----------------------------------------------------------------------------------------------------

async function open() {
  refusal.hidden = true;
  latestResult = null;
  busy += 1;
  try {
    let version = 0;
    if (data.opens && !data.view_only) {
      const answer = await act(actions, { type: "view" });
      version = answer.version;
      if (answer.result === "refused") {
        showRefusal(answer, "Not opened");
        if (round.isChosen && (await passOver())) return;
      }
    }
    const isVisible = await show(version);
    if (!isVisible && !refusal.hidden) hideReason(container);
    focusTitle();
  } catch (error) {
    container.replaceChildren();
    refusal.hidden = false;
    refusal.textContent = messageOf(error);
  } finally {
    busy -= 1;
    container.removeAttribute("aria-busy");
    showNews();
  }
}

/** Opens the next lead of a round in place of one that cannot be opened; says whether there is one. */
async function passOver() {
  const end = await round.next([earlierMessage.textContent, refusal.textContent].filter(Boolean).join(" "));
  if (end !== null) refusal.append(` ${end}`);
  return end === null;
}

/** Shows a change once no action waits for its answer, and nobody is in the middle of a date. */
function showNews() {
  if (busy || !(hasNews || actedVersion > shownVersion)) return;
  hasNews = true;
  if (!typed.isIncomplete) show(actedVersion).catch(sayError);
}

// -- working ----------------------------------------------------------------------------------------------------

/** @param {boolean} isDisabled */
function disableButtons(isDisabled) {
  for (const button of container.querySelectorAll("button")) button.disabled = isDisabled;
}

/** @typedef {(answer: Answer) => HTMLElement[]} Offer */

/**
 * Sends an action, reports its result, and shows the lead's new state.
 * @param {{type: string} & Record<string, unknown>} body
 * @param {string} done the message after success
 * @param {{key?: string, onLost?: Offer}} [options] `key`: the action's id. `onLost`: what is offered beside the message
 *   that another has the lead
 * @returns {Promise<Answer | null>} null if the console did not accept it
 */
async function perform(body, done, { key, onLost } = {}) {
  refusal.hidden = true;
  busy += 1;
  disableButtons(true);
  const forgetSent = typed.sending(body);
  try {
    const answer = await act(actions, body, { done }, key);
    const worked = answer.result === "won" || answer.result === "done";
    if (answer.result === "lost") {
      Object.assign(refusal, { hidden: false, textContent: `${answer.owner_name ?? answer.owner} has it.` });
      refusal.append(" ", ...(onLost?.(answer) ?? []));
    } else if (!worked) {
      showRefusal(answer, "Not done");
    } else forgetSent();
    // A callback may be promised for a time at which the lead must not be called: the answer warns of it (M7).
    const warns = worked && body.type === "callback" && (answer.words ?? answer.why);
    let text = warns ? `${done} ${sentence(warns)}` : done;
    const { version = 0 } = answer;
    actedVersion = Math.max(actedVersion, version);
    latestResult = worked && !STAYS.has(body.type) ? { text, version } : null;
    // What became of the act is said, even if the lead's new state cannot be read.
    const isVisible = await show(version).catch((error) => {
      sayError(error);
      hasNews = true;
      return true;
    });
    if (worked && round.follows(body.type)) {
      const end = await round.next(`${shownName || "The lead"}: ${text}`).catch(messageOf);
      if (end === null) return answer;
      text = `${text} ${end}`;
    }
    if (worked && latestResult && !isVisible) {
      latestResult = { text, version };
      sayGone(text);
    } else if (worked) say(text);
    if (!worked && !isVisible) hideReason(container);
    if (isVisible || !worked) focusTitle();
    return answer;
  } catch (error) {
    sayError(error);
    return null;
  } finally {
    busy -= 1;
    disableButtons(false);
    showNews();
  }
}

/** @type {Record<string, string>} the message after an action without a form */
const DONE = {
  claim_now: "Congratulations! You have a new lead",
  accept: "Congratulations! You have a new lead",
  release: "Released. The lead is back in its queues.",
  decline: "Declined. The lead goes to somebody else.",
};

/** Gives the lead back if this person has it open, and opens the next one of the list. */
async function goOn() {
  if (!round.queue || busy) return;
  const released = container.querySelector('[data-act="release"]');
  if (released instanceof HTMLButtonElement) {
    const answer = await perform({ type: "release" }, DONE.release);
    if (answer?.result !== "done" || round.follows("release")) return;
  }
  const end = await round.next(nameShown() ? `${nameShown()} is passed over.` : "").catch(messageOf);
  if (end) say(end);
}

document.querySelector("[data-round]")?.addEventListener("click", goOn);

/** @param {string} outcome */
const record = (outcome) =>
  perform({ type: "outcome", outcome, note: typed.note }, `Recorded: ${outcomeWords(outcome)}.`);

container.addEventListener("click", async (event) => {
  const button = targetOf(event).closest("button");
  if (!button) return;
  const { act: type, outcome, epoch, more, open: dialog, move: moves, activity } = button.dataset;
  if (type) await perform({ type, epoch: epoch ? Number(epoch) : undefined }, DONE[type]);
  else if (outcome) await record(outcome);
  else if ("saveNote" in button.dataset) await saveNote();
  else if (more) await showEarlier(button, more);
  else if (moves) await move(button);
  else if (activity) await log(activity);
  else if ("correctable" in button.dataset) correct();
  else if (dialog) element(`#${dialog}`, document, "dialog").showModal();
});

async function saveNote() {
  const note = typed.note;
  if (note) await perform({ type: "activity", kind: "note", note }, "The comment is saved.");
  else {
    find("[data-note]").focus();
    say("Write the comment first.");
  }
}

/** @param {string} kind */
const log = (kind) => perform({ type: "activity", kind, note: typed.note }, LOGGED[kind]);
roundKeys(container, goOn); // before the keys of activities, after whose `a` the letter n means a comment
activityKeys(container);

container.addEventListener("input", (event) => {
  if (targetOf(event).closest("[data-callback]")) showCallbackHint(container);
});

container.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = targetOf(event);
  if (form.matches("[data-free]")) {
    const entered = find("#outcome", "input").value.trim();
    const suggested = elements("#outcomes option", form, "option").map((option) => option.dataset.value ?? "");
    if (entered) await record(outcomeOf(entered, suggested));
  } else if (form.matches("[data-callback]")) await callBack();
  else if (form.matches("[data-consent]")) {
    const why = find("#consent", "input").value.trim();
    if (why) await perform({ type: "consent", why }, "The consent is recorded. The lead may be called.");
  }
});

/**
 * Replaces the button with the earlier history that it requests.
 * @param {HTMLElement} button
 * @param {string} cursor
 */
async function showEarlier(button, cursor) {
  const line = button.closest("li");
  const list = line?.parentElement;
  if (!line || !list) return;
  const { html } = await fetchPart(data, { cursor });
  line.remove();
  const before = list.children.length;
  list.insertAdjacentHTML("beforeend", html);
  localise(list);
  const first = list.children[before];
  if (!(first instanceof HTMLElement)) return;
  first.tabIndex = -1;
  first.focus();
}

async function callBack() {
  const { at, problem } = callbackOf(container);
  if (problem) {
    find(find("#date", "input").value ? "#time" : "#date").focus();
    say(problem);
    return;
  }
  const note = typed.note;
  if (note && (await perform({ type: "note", note }, "The comment is saved."))?.result !== "done") return;
  const done = at ? `You promised a call at ${at.text}.` : "The lead is at the end of the queue.";
  await perform({ type: "callback", at: at?.instant.toISOString() }, done);
}

// -- managers ---------------------------------------------------------------------------------------------------

const move = leadMoves(data.lead_id, perform);
setUpReopenForClaims(perform);
const correct = setUpCorrection(actions, async ({ version }) => {
  await show(version);
  say("The lead is corrected.");
});

setUpViewOnly((isOn) => {
  data.view_only = isOn;
  return open();
});

// -- live -------------------------------------------------------------------------------------------------------

const live = new Live({ queue: "mine" });
function changed() {
  hasNews = true;
  showNews();
}
live.on("leads", ({ leads }) => leads.includes(data.lead_id) && changed());
// What came while the page had no stream is announced by nothing else. If nothing came, what somebody types here stays.
function reread() {
  if (busy || hasNews || typed.isIncomplete) changed();
  else show(actedVersion, true).catch(sayError);
}
live.on("list", (change) => change.change === "rebuilt" && reread());
live.on("open", reread);
live.on("acted", ({ lead_id, version }) => {
  if (lead_id !== data.lead_id) return;
  actedVersion = Math.max(actedVersion, version); // by another tab, or by this one, which then shows it already
  showNews();
});
live.start();

// Actions whose answers this page has not seen are sent again with the same id, so the answer is the same.
let isLeft = false; // by such an action, so that it is not opened again
for (const [key, { path, body, note }] of Object.entries(pendingActions())) {
  if (path !== actions || body.type === "view") continue;
  const answer = await perform(body, note.done ?? "Done.", { key });
  isLeft ||= answer !== null && !STAYS.has(body.type);
}
const message = round.takeMessage();
Object.assign(earlierMessage, { textContent: message, hidden: !message });
if (isLeft) container.removeAttribute("aria-busy");
else await open();
if (location.hash === "#dial") {
  history.replaceState(null, "", location.pathname + location.search); // a reload does not call again
  if (container.querySelector("#dial")) await dial(data.lead_id, nameShown() ?? "the lead");
}
document.documentElement.dataset.ready = "yes";
