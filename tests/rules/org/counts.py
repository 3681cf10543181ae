"""Counts what reps have in hand a second time, independently of the org's own counts (X7, S4, caps)."""

from collections import Counter
from datetime import date
from typing import Any

from models.org_rows import OrgLead, OrgLeadStatus, OrgRep


class Counts:
    """The reps' counts, from the leads' rows and from the decisions of a step."""

    def __init__(self, rows: Any) -> None:
        self.open: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.rings: Counter[str] = Counter()
        self.days: Counter[tuple[str, date]] = Counter()
        self.of: dict[tuple[str, str], tuple[date | None, bool]] = {}
        for row in rows:
            if isinstance(row, OrgRep) and row.day is not None:
                self.days[row.rep_id, row.day] = row.today
            if isinstance(row, OrgLead):
                for hold in row.holds:
                    self.open[hold.rep_id] += 1
                    self.held[hold.rep_id] += row.stage is OrgLeadStatus.HELD
                    self.rings[hold.rep_id] += _rings(row)
                    offered = row.stage is not OrgLeadStatus.HELD
                    self.of[row.lead_id, hold.rep_id] = (
                        hold.day if offered else None,
                        _rings(row),
                    )

    def offer(self, lead_id: str, rep_id: str, day: date, *, rings: bool) -> None:
        """Count an offer, or a call of a ring."""
        self.open[rep_id] += 1
        self.days[rep_id, day] += 1
        self.rings[rep_id] += rings
        self.of[lead_id, rep_id] = (day, rings)

    def has_offer(self, rep_id: str) -> bool:
        """Return whether an offer or a ring to a rep is open."""
        return any(rep == rep_id and day is not None for (_, rep), (day, _) in self.of.items())

    def end(self, lead_id: str, rep_id: str) -> None:
        """Remove what a rep had of a lead, and, if it was an offer, its count for the day."""
        counted = self.of.pop((lead_id, rep_id), None)
        if counted is not None:
            self.open[rep_id] -= 1
            self.rings[rep_id] -= counted[1]
            if counted[0] is not None:
                self.days[rep_id, counted[0]] -= 1

    def add_owned(self, lead_id: str, rep_id: str) -> None:
        """Count a lead that a rep owns now."""
        counted = self.of.get((lead_id, rep_id))
        if counted is None:
            self.open[rep_id] += 1
        else:
            self.rings[rep_id] -= counted[1]
        self.of[lead_id, rep_id] = (None, False)


def _rings(row: OrgLead) -> bool:
    """Return whether a lead rings by phone. A New Lead button does not (M9)."""
    return row.stage is OrgLeadStatus.RINGING and row.method == "ring_all"
