// The types of the /api/v1/operations response, and the format of its numbers.

/**
 * @typedef {object} Minute
 * @property {string} at
 * @property {number} arrived
 * @property {number} won
 * @property {number} lost
 * @property {number} first_owners
 * @property {number | null} p50_seconds
 * @property {number | null} p95_seconds
 */

/** @typedef {{at: string, lag: Record<string, number>}} Sample records that each stage has not handled yet */

/** @typedef {{method: string} & Record<"made" | "claimed" | "timeout" | "declined" | "voided", number>} Offers */

/**
 * @typedef {object} Rep
 * @property {string | null} rep_id
 * @property {string} name
 * @property {number | null} weight null off the roster
 * @property {number} offered
 * @property {number} claimed
 * @property {number} timeout
 * @property {number} declined
 * @property {number} voided
 * @property {Record<string, number>} skipped how often, by reason
 */

/** @typedef {{group_id: string, name: string, method: string, reps: Rep[], nobody: Record<string, number>}} Group */

/**
 * @typedef {object} Numbers
 * @property {number} window_minutes
 * @property {string} as_of
 * @property {string} since
 * @property {boolean} cut
 * @property {Minute[]} minutes
 * @property {Record<string, number>} phases
 * @property {{p50_seconds: number | null, p95_seconds: number | null}} first_claim
 * @property {Record<string, number>} exceptions_open by reason
 * @property {Record<string, number>} exceptions_raised by reason
 * @property {Offers[]} offers
 * @property {Group[]} groups
 * @property {number} dead_letters
 */

/**
 * Formats a duration.
 * @param {number | null} value
 */
export function seconds(value) {
  if (value === null) return "none";
  if (value < 10) return `${Number(value.toFixed(1))} s`;
  if (value < 120) return `${Math.round(value)} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  return `${Number((value / 3600).toFixed(1))} h`;
}

/**
 * Writes a whole number.
 * @param {number} value
 */
export function whole(value) {
  return Math.round(value).toLocaleString();
}
