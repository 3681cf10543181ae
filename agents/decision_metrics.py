"""Counts what was decided, for dashboards and alerts.

The relay counts a record of `lead-journal` when it publishes it. A process that was killed counts a record again, as it
publishes it again; totals are for rates, not for books. The CRM database has exact figures.
"""

from typing import Final

from models.activities import SHORT_TYPES
from models.decisions import (
    Answered,
    ArrivalRepeated,
    ExceptionIgnored,
    ExceptionRaised,
    ExceptionResolved,
    InquiryAdded,
    LeadAccepted,
    OwnerChanged,
)
from models.lead import LeadRow
from models.offer_decisions import LeadOffered, OfferEnded
from rules.lead.lifecycle import Trigger
from streams.metrics import (
    ANSWERS,
    ARRIVALS,
    EXCEPTIONS,
    OFFERS,
    OFFERS_ENDED,
    OWNER_CHANGES,
    SPEED_TO_LEAD,
)

MOST_VENDORS: Final = 200
"""How many vendors have figures of their own in one process. Further ones are counted as `other`."""
OTHER: Final = "other"
_ACTIONS: Final = frozenset({*(trigger.value for trigger in Trigger), *(kind.value for kind in SHORT_TYPES)})


class DecisionMetrics:
    """Counts the decisions of journal records. `vendors`: those that have figures of their own."""

    def __init__(self) -> None:
        self.vendors: set[str] = set()

    def count(self, row: LeadRow) -> None:
        """Count the decisions of one record."""
        lead = row.lead
        for decision in row.decisions:
            if isinstance(decision, Answered):
                action = decision.action if decision.action in _ACTIONS else OTHER
                ANSWERS.labels(
                    action=action, result=decision.result.value, reason=decision.reason or ""
                ).inc()
            elif isinstance(decision, OwnerChanged):
                OWNER_CHANGES.labels(how=decision.how).inc()
                if lead is not None and decision.previous_rep_id is None and decision.rep_id is not None:
                    SPEED_TO_LEAD.observe(max(0.0, (row.at - lead.arrived_at).total_seconds()))
            elif isinstance(decision, LeadOffered):
                OFFERS.labels(method=decision.method).inc()
            elif isinstance(decision, OfferEnded):
                OFFERS_ENDED.labels(method=decision.method or "", outcome=decision.outcome.value).inc()
            elif isinstance(decision, ExceptionRaised):
                EXCEPTIONS.labels(change="raised", reason=decision.reason).inc()
            elif isinstance(decision, ExceptionResolved):
                EXCEPTIONS.labels(change="resolved", reason=decision.reason).inc()
            elif isinstance(decision, ExceptionIgnored):
                EXCEPTIONS.labels(change="ignored", reason="").inc()
            elif isinstance(decision, LeadAccepted) and lead is not None and not lead.split_from:
                ARRIVALS.labels(vendor=self._vendor(lead.facts.vendor), became="lead").inc()
            elif isinstance(decision, InquiryAdded):
                ARRIVALS.labels(vendor=self._vendor(decision.vendor), became="inquiry").inc()
            elif isinstance(decision, ArrivalRepeated) and lead is not None:
                ARRIVALS.labels(vendor=self._vendor(lead.facts.vendor), became="resend").inc()

    def _vendor(self, vendor: str) -> str:
        if vendor in self.vendors:
            return vendor
        if len(self.vendors) >= MOST_VENDORS:
            return OTHER
        self.vendors.add(vendor)
        return vendor
