// Assigns and moves many leads (D6, M1): a selection, all that match a filter, a list from a file, or all leads of a
// rep. It asks for reps and reason, shows what will happen, and reports what happened to each lead.

import { messageOf } from "./api.js";
import { runBulkAction, sendBulkAction, sharesText } from "./bulk-actions.js";
import { isConfirmed } from "./confirm.js";
import { leadCount } from "./format.js";
import { askForMove } from "./move-dialog.js";
import { say } from "./say.js";

/** @import { Progress } from "./bulk-actions.js" */
/** @import { Question } from "./move-dialog.js" */

/** @typedef {"assign" | "reassign" | "unassign" | "redistribute" | "reopen"} Move */

/**
 * @typedef {object} Wording
 * @property {(leads: string) => string} title
 * @property {string} effect
 * @property {string} label
 * @property {string} doing the title while it runs
 * @property {string} participle
 * @property {string} will what will happen to the leads, after their number
 * @property {boolean} gives whether each lead goes to a chosen rep
 * @property {boolean} why whether it needs a reason
 */

/** @type {Record<Move, Wording>} */
const WORDINGS = {
  assign: {
    title: (leads) => `Assign ${leads}`,
    effect: "Each lead that nobody owns goes to one of the reps you choose, who is told.",
    label: "Assign",
    doing: "Assigning",
    participle: "assigned",
    will: "will be assigned",
    gives: true,
    why: false,
  },
  reassign: {
    title: (leads) => `Give ${leads} to other reps`,
    effect: "Former and new owners are told. Promised calls go with the leads.",
    label: "Reassign",
    doing: "Reassigning",
    participle: "moved",
    will: "will move",
    gives: true,
    why: true,
  },
  unassign: {
    title: (leads) => `Take ${leads} back`,
    effect: "Their owners lose the leads, and are told. Each goes to another rep of its group, or back to its queues.",
    label: "Give back",
    doing: "Taking back",
    participle: "taken back",
    will: "will be taken back",
    gives: false,
    why: true,
  },
  redistribute: {
    title: (leads) => `Distribute ${leads} again`,
    effect:
      "Each lead's group is asked from the beginning. An owner loses the lead, is told, and may get it again in turn.",
    label: "Distribute again",
    doing: "Distributing again",
    participle: "distributed again",
    will: "will be distributed again",
    gives: false,
    why: true,
  },
  reopen: {
    title: (leads) => `Reopen ${leads}`,
    effect: "Each closed lead is its owner's again, or is distributed again if its owner has left.",
    label: "Reopen",
    doing: "Reopening",
    participle: "reopened",
    will: "will be reopened",
    gives: false,
    why: true,
  },
};

/**
 * The leads of a move.
 * @typedef {object} Leads
 * @property {object} which in the API's form
 * @property {number | null} count null if it is not known yet
 * @property {Map<string, string>} [names] by lead id
 * @property {{rep_id: string, name: string}} [of] the rep whose leads they are; leads that the rep lost are not moved
 */

/**
 * Asks for the move, shows the plan, and performs it.
 * @param {Move} move
 * @param {Leads} leads
 * @param {Partial<Question>} [given] what the dialog shows at first
 * @returns {Promise<Progress | null>} null if it was cancelled, stopped, or failed
 */
export async function moveLeads(move, { which, count, names, of }, given = {}) {
  const wording = WORDINGS[move];
  const what = of ? `all leads of ${of.name}` : count === null ? "these leads" : leadCount(count);
  const title = wording.title(what);
  const chosen = await askForMove({
    title,
    effect: wording.effect,
    label: wording.label,
    reps: wording.gives ? "several" : "none",
    why: wording.why,
    without: of?.rep_id,
    ...given,
  });
  if (!chosen) return null;
  const body = {
    which,
    do: { type: move, why: chosen.why || undefined, from_rep_id: of?.rep_id },
    to: [...chosen.reps.keys()],
    split: chosen.split,
  };
  let stay = "";
  try {
    const plan = await sendBulkAction({ ...body, dry_run: true }, crypto.randomUUID());
    stay = sentenceOf(unlicensed(plan));
    if (!(plan.changing ?? 0)) {
      await isConfirmed("Nothing would change", staysText(plan) || "No lead was chosen.");
      return null;
    }
    if (!(await isConfirmed(`${title}?`, planText(plan, wording, chosen.reps), wording.label))) return null;
  } catch (error) {
    say(messageOf(error));
    return null;
  }
  const result = await runBulkAction(wording.doing, wording.participle, body, { names, reps: chosen.reps, stay });
  if (result?.wantsMove) return moveLost(result, chosen.reps, names);
  return result;
}

/**
 * Offers to move the leads that somebody has already (E3).
 * @param {Progress} result of assigning
 * @param {Map<string, string>} reps
 * @param {Map<string, string>} [names]
 */
async function moveLost(result, reps, names) {
  const leads = result.others.filter((other) => other.result === "lost").map((other) => other.lead_id);
  const [[rep_id, name] = ["", ""]] = reps;
  const chosen = reps.size === 1 ? { rep_id, name } : undefined;
  await moveLeads("reassign", { which: { leads }, count: leads.length, names }, { chosen });
  return result;
}

/**
 * @param {Progress} plan
 * @param {Wording} wording
 * @param {Map<string, string>} reps
 */
function planText(plan, wording, reps) {
  const shares = sharesText(plan.by_rep, reps);
  const first = `${leadCount(plan.changing ?? 0)} ${wording.will}${shares ? `: ${shares}` : ""}`;
  const stay = staysText(plan);
  return `${first}.${stay ? ` ${stay}` : ""}`;
}

/** @type {Record<string, (plural: boolean) => string>} why leads stay as they are */
const STAYS = {
  owned: (plural) => (plural ? "have an owner already" : "has an owner already"),
  same: (plural) => (plural ? "stay with their owner" : "stays with its owner"),
  free: (plural) => (plural ? "have no owner" : "has no owner"),
  closed: (plural) => (plural ? "are closed" : "is closed"),
  open: (plural) => (plural ? "are not closed" : "is not closed"),
  unknown: (plural) => (plural ? "are unknown" : "is unknown"),
};

/**
 * Says how many leads stay as they are, and why; empty if all change.
 * @param {Progress} plan
 */
function staysText(plan) {
  const others = Object.entries(plan.stays ?? {})
    .filter(([reason]) => reason in STAYS)
    .map(([reason, number]) => `${number.toLocaleString()} ${STAYS[reason](number !== 1)}`);
  return sentenceOf([...others, ...unlicensed(plan)]);
}

/**
 * Says how many leads are not sent at all, because no chosen rep may have them.
 * @param {Progress} plan
 */
function unlicensed({ unlicensed_states: states = {} }) {
  return Object.entries(states).map(([state, number]) => {
    const where = state ? `licensed in ${state}` : "licensed in its state, which is unknown";
    return `${number.toLocaleString()} ${number === 1 ? "stays" : "stay"} because nobody chosen is ${where}`;
  });
}

/** @param {string[]} parts */
const sentenceOf = (parts) => (parts.length ? `${parts.join("; ")}.` : "");
