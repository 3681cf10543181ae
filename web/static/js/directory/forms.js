// Defines the form fields of each kind of object.

import { absences } from "./absences.js";
import { attributeTypes } from "./attribute-types.js";
import { chatFields } from "./chat-form.js";
import { choice, duration, heading, list, number, rule, showByChoice, states, text, toggle } from "./fields.js";
import { mailFields } from "./mail-form.js";
import { outcomes } from "./outcomes.js";
import { roster } from "./roster.js";
import { week } from "./week.js";

/** @import { DirectoryObject } from "../types.d.ts" */
/** @import { Field } from "./fields.js" */

/** @typedef {Record<string, any>} Value of an object, as it is published */
/**
 * @typedef {{codes: string[], reps: DirectoryObject[], groups: DirectoryObject[], outcomes: string[]}} Context
 *   `codes`: of the states. `outcomes`: of the org's queues
 */

const ZONES = Intl.supportedValuesOf("timeZone");
/** @type {[string, string][]} */
const METHODS = [
  ["round_robin", "In turn (round robin)"],
  ["roster", "Roster: always the first who is available"],
  ["ring_all", "Ring all: the first to press 1"],
  ["distribute_all", "New Lead button: the first to click"],
  ["queue", "None: leads wait in the queues"],
];

/** @param {Value} value */
const zone = (value) =>
  text("time_zone", "Time zone", value.time_zone, {
    hint: "Like America/New_York; UTC without one.",
    suggestions: ZONES,
  });

/**
 * @param {Value} value
 * @param {Context} context
 * @returns {Field[]}
 */
function rep(value, { codes }) {
  const timeZone = zone(value);
  return [
    text("name", "Name", value.name),
    choice("role", "Role", value.role, [
      ["rep", "Rep: works leads"],
      ["manager", "Manager: sees all leads, assigns, decides exceptions"],
      ["admin", "Admin: also changes the directory and queues"],
    ]),
    toggle("active", "Active", value.active ?? true, {
      hint: "An inactive rep may not sign in. Offers to the rep end, and the rep's leads lose their owner.",
    }),
    choice("availability", "Offers of leads", value.availability, [
      ["available", "Available"],
      ["last_lead", "One last lead, then a pause"],
      ["paused", "Paused"],
    ]),
    text("email", "Email", value.email, { type: "email", hint: "Assignments are sent to it." }),
    text("phone", "Phone", value.phone, { type: "tel", hint: "Rings go to it." }),
    list("teams", "Teams", value.teams, { hint: "Separated by commas; queues are open to teams." }),
    timeZone,
    states("licensed_states", "Licences", value.licensed_states, codes),
    week("hours", "Working hours", value.hours, {
      hint: "When the rep may get new leads, in the rep's time zone.",
      none: "At any hour",
      some: "These hours",
      empty: "No hours are set: the rep gets no leads.",
    }),
    absences("absences", "Absences", value.absences, timeZone.read),
    number("max_open", "Open leads at most", value.max_open, { hint: "Without a number there is no cap." }),
    number("max_per_day", "Leads a day at most", value.max_per_day, { hint: "Counted by the day of their time zone." }),
    rule("filter", "Only leads that meet this rule", value.filter, "An empty rule takes every lead."),
  ];
}

/**
 * @param {Value} value
 * @param {Context} context
 * @returns {Field[]}
 */
function group(value, { reps }) {
  const method = choice("method", "How leads are given", value.method, METHODS);
  method.touched ||= value.method === undefined; // A new group has the method that its form shows.
  const members = roster(
    "members",
    "Roster",
    value.members,
    reps,
    "In order of the turns. Weight 2 gives two turns where others get one.",
  );
  const filter = rule("filter", "Only leads that meet this rule", value.filter, "An empty rule takes every lead.");
  const window = duration("claim_window_seconds", "Claim window", value.claim_window_seconds, {
    hint: "How long a rep has before the lead goes to the next rep. Without a number the offer does not time out.",
  });
  const ring = duration("ring_seconds", "Ring", value.ring_seconds, {
    hint: "How long phones ring, or the New Lead button stays.",
  });
  const timeZone = zone(value);
  const pause = week("pause", "Pause", value.pause, {
    hint: "During a pause new leads are still offered, but offers do not move on to the next rep. A full window starts when the pause ends.",
    none: "No pause",
    some: "In these hours",
    empty: "No hours are set: there is no pause.",
  });
  const inTurn = [members, filter, window, timeZone, pause];
  const atOnce = [members, filter, ring];
  showByChoice(method, {
    round_robin: inTurn,
    roster: inTurn,
    ring_all: atOnce,
    distribute_all: atOnce,
    queue: [],
  });
  return [text("name", "Name", value.name), method, members, filter, window, ring, timeZone, pause];
}

/**
 * @param {Value} value
 * @param {Context} context
 * @returns {Field[]}
 */
function campaign(value, { groups }) {
  return [
    text("name", "Name", value.name),
    text("description", "Description", value.description, { hint: "Shown at the exceptions desk." }),
    text("vendor", "Vendor", value.vendor, { hint: "The seller of the leads." }),
    choice("group_id", "Group", value.group_id ?? "", [
      ["", "None: its leads wait in the queues"],
      .../** @type {[string, string][]} */ (groups.map(({ id, value: { name } }) => [id, name || id])),
    ]),
    toggle("default", "Default", value.default ?? false, {
      hint: "Also takes leads that name no campaign of the org.",
    }),
  ];
}

/**
 * @param {Value} value
 * @param {Context} context
 * @returns {Field[]}
 */
function settings(value, context) {
  return [
    text("time_zone", "The org's time zone", value.time_zone, {
      hint: "Days in rules and reports are days of this zone; UTC without one.",
      suggestions: ZONES,
    }),
    number("retention_days", "Closed leads keep their facts, in days", value.retention_days, {
      hint: "Then the person's data is erased. Without a number it is kept for ever.",
    }),
    toggle("refuse_erased", "Refuse leads of erased persons", value.refuse_erased ?? false),
    heading("Claiming"),
    toggle(
      "auto_claim_on_timed_callback",
      "A callback with a time claims the lead",
      value.auto_claim_on_timed_callback ?? true,
    ),
    number("lock_minutes", "A lock lasts, in minutes", value.lock_minutes ?? 60, {
      hint: "How long a lead that a rep has opened is hidden from others, if the rep records no outcome.",
    }),
    number("max_locks", "A rep may have open at the same time, in leads", value.max_locks ?? 3, {
      hint: "Leads that nobody owns. A rep who has that many open must finish or release one before opening another.",
    }),
    number(
      "protect_assigned_minutes",
      "A fresh assignment cannot be claimed, in minutes",
      value.protect_assigned_minutes ?? 60,
      {
        hint: "How long a lead that somebody got is in no claimable queue. 0: it may be claimed at once.",
      },
    ),
    number("claims_per_minute", "A rep may claim, in leads per minute", value.claims_per_minute ?? 600, {
      hint: "Further claims are refused until a minute has passed.",
    }),
    toggle(
      "enforce_licence",
      "Reps may have only leads of states they are licensed in",
      value.enforce_licence ?? true,
      {
        hint: "For claims, opening and assignments; a manager may override it with a reason. Distribution always checks.",
      },
    ),
    toggle(
      "enforce_caps",
      "A rep's cap of open leads also holds for claims and assignments",
      value.enforce_caps ?? false,
      {
        hint: "A manager may override it with a reason. Offers always respect the cap.",
      },
    ),
    heading("Distribution"),
    toggle("round_robin", "Round robin", value.round_robin ?? true, {
      hint: "When this is off, new leads of such a group are assigned to number one on the roster.",
    }),
    toggle("owners_may_reassign", "A lead's owner may give it to another rep", value.owners_may_reassign ?? false),
    ...outcomes(value, context.outcomes),
    week("quiet_hours", "Quiet hours", value.quiet_hours, {
      hint: "When leads are not called, in the lead's time zone. Assignments continue.",
      none: "As the law says: 21:00 to 08:00",
      some: "These hours",
      empty: "No hours are set: leads may be called at any hour.",
    }),
    toggle("open_without_reps", "Open without reps", value.open_without_reps ?? false, {
      hint: "Once the last rep is removed, anyone may act as anybody. Off: nobody may.",
    }),
    attributeTypes(value.attribute_types),
    mailFields("mail", value.mail),
    chatFields("chat", value.chat, context.reps),
  ];
}

/** @type {Record<string, (value: Value, context: Context) => Field[]>} */
export const FORMS = { rep, group, campaign, settings };
