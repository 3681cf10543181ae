"""Measures how late deadlines were decided, and finds those that were decided before they were due (X3)."""

from array import array
from datetime import datetime, timedelta
from math import ceil

import msgspec

from assurance.verify.findings import Findings
from models.decisions import DeadlineIgnored
from models.events import DeadlinePassed
from models.lead import LeadRow


class Lateness(msgspec.Struct, frozen=True, kw_only=True):
    """How late deadlines took effect, in seconds from when each was due until the broker had its decision.

    `decided`: how many took effect. `worst_lead`, `worst_kind`: the lead and the kind of deadline of the worst. All but
    `decided` are null if there was none.
    """

    decided: int
    p50_seconds: float | None = None
    p99_seconds: float | None = None
    worst_seconds: float | None = None
    worst_lead: str | None = None
    worst_kind: str | None = None

    def line(self) -> str:
        """Return it as a sentence."""
        if self.worst_seconds is None:
            return "no deadline was decided"
        return (
            f"{self.decided:,} deadlines were decided: half within {self.p50_seconds:,.3f} s, 99 % within "
            f"{self.p99_seconds:,.3f} s, the worst {self.worst_seconds:,.3f} s late (kind {self.worst_kind}, "
            f"lead {self.worst_lead})"
        )


class Deadlines:
    """Takes each decision of a deadline. Keeps four bytes for each, of the days that the log is kept."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._late = array("f")
        self._worst: tuple[float, str, str] | None = None

    def take(self, event: DeadlinePassed, before: LeadRow | None, row: LeadRow, written_at: datetime) -> None:
        """Take the row that a deadline's event led to.

        `before`: the lead's row with the deadline. `written_at`: when the broker got the new row.
        A worker's clock may be ahead, so that its event comes before the deadline is due. The broker's time of the
        event counts: such an event is ignored, comes again, and is no decision.
        """
        if any(isinstance(decision, DeadlineIgnored) for decision in row.decisions):
            return
        due = _due(before, event)
        if row.at < due:
            self._findings.add(
                "deadline_early",
                event.lead_id,
                kind=event.kind,
                epoch=event.epoch,
                seconds_early=round((due - row.at) / timedelta(seconds=1), 3),
            )
        late = (written_at - due) / timedelta(seconds=1)
        self._late.append(late)
        if self._worst is None or late > self._worst[0]:
            self._worst = (late, event.lead_id, str(event.kind))

    def lateness(self) -> Lateness:
        """Return what was measured."""
        if self._worst is None:
            return Lateness(decided=0)
        ordered = sorted(self._late)
        p50, p99 = (round(ordered[ceil(len(ordered) * share) - 1], 3) for share in (0.5, 0.99))
        worst, lead, kind = self._worst
        return Lateness(
            decided=len(ordered),
            p50_seconds=p50,
            p99_seconds=p99,
            worst_seconds=round(worst, 3),
            worst_lead=lead,
            worst_kind=kind,
        )


def _due(before: LeadRow | None, event: DeadlinePassed) -> datetime:
    """Return when the deadline was due by its lead's row, which decides (X3), or else by the event."""
    lead = None if before is None else before.lead
    deadlines = () if lead is None else lead.deadlines
    return next((deadline.due for deadline in deadlines if deadline.epoch == event.epoch), event.due)
