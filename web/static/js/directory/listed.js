// The table of a part of the directory while none of its objects is open, and the objects that are alike.

import { element } from "../dom.js";
import { dateAndTime, leadCount, NO_VALUE, valueLabel } from "../format.js";
import { ageText } from "../row-times.js";
import { fillTable, valued } from "../small-table.js";
import { data, objectsOf } from "./data.js";
import { make } from "./fields.js";

/** @import { Cell } from "../small-table.js" */
/** @import { DirectoryObject } from "../types.d.ts" */

/** @typedef {{at: string, by: string}} Publication */
/** @typedef {{open_leads: number, signed_in_at: string | null, has_account: boolean}} RepRow */

/** @type {Record<string, string>} */
const OFFERS = { available: "Available", last_lead: "One last lead", paused: "Paused" };

/** @param {string | undefined} id of a group */
const groupName = (id) => objectsOf("group").find((group) => group.id === id)?.value.name || id || NO_VALUE;

/** @param {DirectoryObject} object */
const published = ({ id }) => data.listed.published?.[id];

/**
 * @param {string | null | undefined} at
 * @returns {Cell}
 */
function when(at) {
  if (!at) return NO_VALUE;
  return make("time", { dateTime: at, textContent: ageText(at), title: dateAndTime(at) });
}

/** @type {Record<string, [string, (object: DirectoryObject) => Cell][]>} the columns of each kind, after the name */
const COLUMNS = {
  rep: [
    ["Role", ({ value }) => (value.active === false ? "inactive" : valueLabel(value.role ?? "rep"))],
    ["Teams", ({ value }) => (value.teams ?? []).join(", ") || NO_VALUE],
    ["Gets offers", ({ value }) => OFFERS[value.availability ?? "available"]],
    ["Open leads", ({ id, value }) => openLeads(data.listed.reps?.[id], value.max_open)],
    ["Last sign-in", ({ id }) => signedIn(data.listed.reps?.[id])],
  ],
  group: [
    ["Method", ({ value }) => valueLabel(value.method ?? "")],
    ["Reps", ({ value }) => (value.members ?? []).length],
    ["Used by", ({ id }) => campaignsOf(id)],
  ],
  campaign: [
    ["Vendor", ({ value }) => value.vendor || NO_VALUE],
    ["Group", ({ value }) => groupName(value.group_id)],
    ["Default", ({ value }) => (value.default ? "yes" : NO_VALUE)],
  ],
};

/**
 * @param {RepRow | undefined} row
 * @param {number | undefined} most
 */
function openLeads(row, most) {
  if (!row) return NO_VALUE;
  const text = most === undefined || most === null ? leadCount(row.open_leads) : `${row.open_leads} of ${most}`;
  return valued(text, row.open_leads);
}

/** @param {RepRow | undefined} row */
function signedIn(row) {
  if (row?.signed_in_at) return when(row.signed_in_at);
  return row?.has_account ? "not yet" : "no account";
}

/** @param {string} group */
function campaignsOf(group) {
  const names = objectsOf("campaign").filter(({ value }) => value.group_id === group);
  return names.map(({ id, value }) => value.name || id).join(", ") || NO_VALUE;
}

/** Draws the table if no object is open, and names the objects that are alike. */
export function drawListed() {
  const container = element("[data-listed]");
  const twins = element("[data-twins]");
  twins.replaceChildren(...data.twins.map((text) => make("li", { textContent: text })));
  twins.hidden = !data.twins.length || Boolean(data.id);
  const objects = objectsOf(data.kind);
  container.hidden = Boolean(data.id) || !objects.length || data.kind === "settings";
  if (container.hidden) return;
  const columns = COLUMNS[data.kind];
  const table = element("table", container, "table");
  table.dataset.shape = `directory-${data.kind}`;
  fillTable(
    table,
    ["Name", ...columns.map(([head]) => head), "Published", "By"],
    objects.map((object) => [
      make("a", {
        href: `/directory/${data.section}/${encodeURIComponent(object.id)}`,
        textContent: object.value.name || object.id,
      }),
      ...columns.map(([, cell]) => cell(object)),
      when(published(object)?.at),
      published(object)?.by ?? NO_VALUE,
    ]),
  );
}
