"""Counts the open leads of each rep from the rows of leads alone, and compares them with the rows of reps (R9, S4).

It is written independently of the engine's code. It knows what capacity a lead's row takes of a rep, and nothing of
how leads are distributed.
"""

from collections import Counter, defaultdict
from typing import Any, Final

from assurance.verify.findings import Findings
from assurance.verify.journal_summary import OrgLeadState
from models.offers import OfferMade, RingStarted
from models.org_decisions import OrgDecision, OrgStep, PlaceDecided
from models.org_rows import OrgLead, OrgLeadStatus, OrgRep
from rules.org.directory import OrgDirectory

OrgAndId = tuple[str, str]
"""An org and the id of one of its reps or leads."""

RINGS: Final = "ring_all"
"""The method of which a rep has one lead at a time. A New Lead button takes no ring (M9)."""
OPEN: Final = frozenset({OrgLeadStatus.OFFERED, OrgLeadStatus.RINGING})


class CapacityLedger:
    """Reads the rows of a partition's orgs in the journal's order. Each wrong rep is reported once."""

    def __init__(self, findings: Findings) -> None:
        self.leads: dict[OrgAndId, OrgLeadState] = {}
        self._findings = findings
        self._open_leads: Counter[OrgAndId] = Counter()
        self._offered: Counter[OrgAndId] = Counter()
        self._ringing: defaultdict[OrgAndId, set[str]] = defaultdict(set)
        self._named: set[tuple[str, OrgAndId]] = set()

    def take(self, org: str, row: OrgLead) -> None:
        """Replace the counts of a lead's former row by those of its new row."""
        before = self.leads.pop((org, row.lead_id), None)
        if before is not None:
            self._count(org, before, -1)
            for rep_id in before.reps:
                self._ringing[org, rep_id].discard(row.lead_id)
        if row.stage is not OrgLeadStatus.GONE:
            reps = frozenset(hold.rep_id for hold in row.holds)
            after = self.leads[org, row.lead_id] = OrgLeadState(row.stage, row.epoch, reps)
            self._count(org, after, 1)
            if row.stage is OrgLeadStatus.RINGING and row.method == RINGS:
                for rep_id in reps:
                    self._ringing[org, rep_id].add(row.lead_id)

    def _count(self, org: str, org_lead: OrgLeadState, by: int) -> None:
        for rep_id in org_lead.reps:
            if org_lead.stage is OrgLeadStatus.HELD:
                self._open_leads[org, rep_id] += by
            elif org_lead.stage in OPEN:
                self._offered[org, rep_id] += by

    def compare(self, org: str, row: OrgRep, **details: Any) -> None:
        """Compare a rep's row with the capacity that leads' rows take of it."""
        rep_key = (org, row.rep_id)
        rings = self._ringing.get(rep_key, set())
        if len(rings) > 1:
            self._name("rings_twice", rep_key, leads=sorted(rings), **details)
        recorded = (row.held, row.offered, row.ring is not None)
        counted = (self._open_leads[rep_key], self._offered[rep_key], bool(rings))
        if recorded != counted or (row.ring is not None and row.ring not in rings):
            self._name("org_count_wrong", rep_key, row_counted=[recorded, counted], ring=row.ring, **details)

    def without_row(self, reps: set[OrgAndId]) -> None:
        """Report reps without a row of whom leads take capacity."""
        for rep_key in sorted((self._open_leads.keys() | self._offered.keys()) - reps):
            if self._open_leads[rep_key] or self._offered[rep_key]:
                self._name(
                    "org_count_wrong",
                    rep_key,
                    row_counted=[None, [self._open_leads[rep_key], self._offered[rep_key]]],
                )

    def within_caps(self, step: OrgStep, directory: OrgDirectory, reps: dict[str, OrgRep], off: int) -> None:
        """Check that every rep who got an offer or a reserved place by a step is within its caps after it (R9, M6)."""
        for recorded in step.decisions:
            for rep_id in _charged_reps(recorded):
                plan, row = directory.rep(rep_id), reps.get(rep_id)
                if plan is None or row is None:
                    continue
                for cap, most, has in (
                    ("max_open", plan.max_open, row.open_leads),
                    ("max_per_day", plan.max_per_day, row.today),
                ):
                    if most is not None and has > most:
                        rep, lead_id = f"{step.org}/{rep_id}", str(getattr(recorded, "lead_id", ""))
                        self._findings.add("over_cap", lead_id, rep=rep, cap=cap, has=has, most=most, off=off)

    def _name(self, code: str, rep_key: OrgAndId, **details: Any) -> None:
        if (code, rep_key) not in self._named:
            self._named.add((code, rep_key))
            self._findings.add(code, "", rep="/".join(rep_key), **details)


def _charged_reps(recorded: OrgDecision) -> tuple[str, ...]:
    """Return the reps to whom a decision offers a lead or gives a place."""
    if isinstance(recorded, OfferMade) or (isinstance(recorded, PlaceDecided) and recorded.granted):
        return (recorded.rep_id,)
    return recorded.reps if isinstance(recorded, RingStarted) else ()
