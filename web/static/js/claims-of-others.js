// The leads of a list that others are claiming now. Their rows go at once, before the engine has decided, because
// hardly a claim is refused. A row comes back if its lead was not claimed after all.

const MAX_MS = 2_000; // How long a row is hidden without a word of what became of the claim.
const MAX_CLAIMS = 500; // Claims beyond these hide no row until they are decided.

export class ClaimsOfOthers {
  /** @param {(gone: string | null) => void} onChange called with a lead whose row goes, or with null when rows come back */
  constructor(onChange) {
    this.onChange = onChange;
    /**
     * lead -> when its row is shown again without an answer; oldest first
     * @type {Map<string, number>}
     */
    this.leads = new Map();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /**
   * Hides the row of a lead that somebody is claiming, or shows it again if nobody is any more.
   * @param {{lead_id: string, over: boolean}} claim
   */
  hear({ lead_id, over }) {
    if (over) {
      if (this.leads.delete(lead_id)) this.onChange(null);
    } else if (!this.leads.has(lead_id) && this.leads.size < MAX_CLAIMS) {
      this.leads.set(lead_id, performance.now() + MAX_MS);
      this.timer ??= setTimeout(() => this.expire(), MAX_MS);
      this.onChange(lead_id);
    }
  }

  /**
   * Forgets the claim of a lead whose change the board has told: the list itself says where the lead is.
   * @param {string} lead
   * @returns {boolean} whether its row was hidden
   */
  decided(lead) {
    return this.leads.delete(lead);
  }

  /**
   * Returns the rows without those that are being claimed.
   * @template {{lead_id: string}} R
   * @param {R[]} rows
   */
  without(rows) {
    return this.leads.size ? rows.filter((row) => !this.leads.has(row.lead_id)) : rows;
  }

  /** Shows the rows again of which nothing was heard for too long, for example because the console was restarted. */
  expire() {
    const now = performance.now();
    let isAny = false;
    for (const [lead, until] of this.leads) {
      if (until > now) break;
      this.leads.delete(lead);
      isAny = true;
    }
    const [next] = this.leads.values();
    this.timer = next && setTimeout(() => this.expire(), next - now);
    if (isAny) this.onChange(null);
  }
}
