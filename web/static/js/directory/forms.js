// What each kind of object has, in the order a person thinks of it.

import { absences } from "./absences.js";
import { choice, list, number, rule, states, text, toggle } from "./fields.js";
import { roster } from "./roster.js";
import { week } from "./week.js";

const ZONES = Intl.supportedValuesOf?.("timeZone") ?? [];
const METHODS = [
  ["round_robin", "In turn (round robin)"],
  ["roster", "Roster: always number one who may"],
  ["ring_all", "Ring all: the first to press 1"],
  ["distribute_all", "New Lead button: the first to click"],
  ["queue", "To nobody: leads wait in the queues"],
];

const zone = (value) =>
  text("time_zone", "Time zone", value.time_zone, { hint: "Like America/New_York; UTC without one.", suggestions: ZONES });

function rep(value, { codes }) {
  const fields = [
    text("name", "Name", value.name),
    choice("role", "Role", value.role, [
      ["rep", "Rep: works leads"],
      ["manager", "Manager: sees all leads, assigns, decides exceptions"],
      ["admin", "Admin: also changes the directory and queues"],
    ]),
    toggle("active", "Active", value.active ?? true, {
      hint: "Switched off: may not sign in, offers end, what they own belongs to nobody.",
    }),
    text("email", "Email", value.email, { type: "email", hint: "Where assignments are told." }),
    text("phone", "Phone", value.phone, { type: "tel", hint: "Where rings go." }),
    list("teams", "Teams", value.teams, { hint: "Separated by commas; queues are open to teams." }),
    zone(value),
    states("licensed_states", "Licences", value.licensed_states, codes),
    week("hours", "Working hours", value.hours, {
      hint: "When new leads may be given to them, in their time zone.",
      none: "At any hour",
      some: "These hours",
      empty: "No hours at all: they are given no lead.",
    }),
  ];
  const zoned = fields.find((one) => one.name === "time_zone");
  fields.push(
    absences("absences", "Absences", value.absences, () => zoned.read()),
    number("max_open", "Open leads at most", value.max_open, { hint: "Without a number there is no cap." }),
    number("max_per_day", "Leads a day at most", value.max_per_day, { hint: "Counted by the day of their time zone." }),
    rule("filter", "Only leads that meet this rule", value.filter, "An empty rule takes every lead."),
  );
  return fields;
}

function group(value, { reps }) {
  return [
    text("name", "Name", value.name),
    choice("method", "How leads are given", value.method, METHODS),
    roster("members", "Roster", value.members, reps, "In its order. Weight 2 is two turns for everybody else's one."),
    rule("filter", "Only leads that meet this rule", value.filter, "An empty rule takes every lead."),
    number("claim_window_seconds", "Claim window, in minutes", value.claim_window_seconds, {
      factor: 60,
      hint: "How long a rep has to act before the lead goes to the next; without one an offer has no end of its own.",
    }),
    number("ring_seconds", "Ring, in seconds", value.ring_seconds, { hint: "How long phones ring, or the New Lead button stays." }),
    zone(value),
    week("pause", "Pause", value.pause, {
      hint: "First assignments go on, transfers to the next rep stop; a full window starts when the pause ends.",
      none: "No pause",
      some: "In these hours",
      empty: "No hours: there is no pause.",
    }),
  ];
}

function campaign(value, { groups }) {
  return [
    text("name", "Name", value.name),
    text("description", "Description", value.description, { hint: "Shown at the exceptions desk." }),
    text("vendor", "Vendor", value.vendor, { hint: "Whom the leads are bought from." }),
    choice("group_id", "Group", value.group_id ?? "", [
      ["", "None: its leads wait in the queues"],
      ...groups.map((one) => [one.id, one.value.name || one.id]),
    ]),
    toggle("default", "Default", value.default ?? false, { hint: "Also takes leads that name no campaign of the org." }),
  ];
}

function settings(value) {
  return [
    number("lock_minutes", "A lock lasts, in minutes", value.lock_minutes ?? 60, {
      hint: "How long a lead that a rep has opened is hidden from the others without an outcome.",
    }),
    toggle("auto_claim_on_timed_callback", "A callback with a time claims the lead", value.auto_claim_on_timed_callback ?? true),
    toggle("round_robin", "Round robin", value.round_robin ?? true, {
      hint: "Off: a new lead of such a group is assigned to number one on the roster.",
    }),
    list("closing_outcomes", "Outcomes that close a lead", value.closing_outcomes ?? ["closed_won", "closed_lost", "do_not_contact"], {
      hint: "Separated by commas.",
    }),
    week("quiet_hours", "Quiet hours", value.quiet_hours, {
      hint: "When nobody is called, by the clock where the lead is; assignments go on.",
      none: "As the law has it: 21:00 to 08:00",
      some: "These hours",
      empty: "No hours at all: calls at any hour.",
    }),
    toggle("open_without_reps", "Open without reps", value.open_without_reps ?? false, {
      hint: "Once the last rep is removed, anyone may act as anybody. Off: nobody may.",
    }),
  ];
}

export const FORMS = { rep, group, campaign, settings };
