// A rep's leads on the rep's page: how many, and moving all of them (M1).

import { call } from "../api.js";
import { moveLeads } from "../bulk-moves.js";
import { leadCount } from "../format.js";
import { button, make } from "./fields.js";

/** @import { Move } from "../bulk-moves.js" */

/** @type {[Move, (name: string) => string][]} */
const MOVES = [
  ["reassign", (name) => `Move all leads of ${name} …`],
  ["unassign", () => "Give all back …"],
  ["redistribute", () => "Distribute all again …"],
];

/**
 * Makes the part of a rep's form about the rep's leads.
 * @param {string} rep_id
 * @param {string} name
 */
export function portfolioFieldset(rep_id, name) {
  const query = new URLSearchParams({ owner: rep_id });
  const count = make("p", { className: "hint", role: "status" });
  const see = make("a", { href: `/my-leads?${query}`, textContent: "See all leads" });
  const buttons = MOVES.map(([move, label]) =>
    button(label(name), async () => {
      const which = { of: "leads", query: query.toString() };
      if (await moveLeads(move, { which, count: null, of: { rep_id, name } })) show();
    }),
  );

  async function show() {
    const open = new URLSearchParams([...query, ["phase", "owned"], ["phase", "working"], ["limit", "1"]]);
    const { total } = await call("GET", `/api/v1/leads?${open}`);
    count.textContent = total
      ? `${name} has ${leadCount(total)} that ${total === 1 ? "is" : "are"} not closed. `
      : `${name} has no open lead. `;
    count.append(see);
    for (const button of buttons) button.disabled = total === 0;
  }
  show().catch(() => count.replaceChildren(see));
  return make(
    "fieldset",
    { className: "portfolio" },
    make("legend", { textContent: "Leads" }),
    count,
    make("p", { className: "tools" }, ...buttons),
  );
}
