"""Counts what was decided, for dashboards and alerts.

The relay counts a record of `lead-journal` when all its messages are durable. What a killed relay made public is not
counted again by the next one, so the records that were on their way then are not counted at all. Totals are for rates,
not for books. The CRM database has exact figures.
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
    PUBLISHED,
    SPEED_TO_LEAD,
    TALLY,
)
from streams.topics import DEAD_LETTERS

MOST_VENDORS: Final = 200
"""How many vendors have figures of their own in one process. Further ones are counted as `other`."""
OTHER: Final = "other"
_ACTIONS: Final = frozenset({*(trigger.value for trigger in Trigger), *(kind.value for kind in SHORT_TYPES)})


def count_published(topic: str, messages: int) -> None:
    """Count messages that the relay wrote to a topic. Its dead letters are counted elsewhere."""
    if topic != DEAD_LETTERS:
        TALLY.count(PUBLISHED, topic, more=messages)


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
                TALLY.count(ANSWERS, action, decision.result.value, decision.reason or "")
            elif isinstance(decision, OwnerChanged):
                TALLY.count(OWNER_CHANGES, decision.how)
                if lead is not None and decision.previous_rep_id is None and decision.rep_id is not None:
                    SPEED_TO_LEAD.observe(max(0.0, (row.at - lead.arrived_at).total_seconds()))
            elif isinstance(decision, LeadOffered):
                TALLY.count(OFFERS, decision.method)
            elif isinstance(decision, OfferEnded):
                TALLY.count(OFFERS_ENDED, decision.method or "", decision.outcome.value)
            elif isinstance(decision, ExceptionRaised):
                TALLY.count(EXCEPTIONS, "raised", decision.reason)
            elif isinstance(decision, ExceptionResolved):
                TALLY.count(EXCEPTIONS, "resolved", decision.reason)
            elif isinstance(decision, ExceptionIgnored):
                TALLY.count(EXCEPTIONS, "ignored", "")
            elif isinstance(decision, LeadAccepted) and lead is not None and not lead.split_from:
                TALLY.count(ARRIVALS, self._vendor(lead.facts.vendor), "lead")
            elif isinstance(decision, InquiryAdded):
                TALLY.count(ARRIVALS, self._vendor(decision.vendor), "inquiry")
            elif isinstance(decision, ArrivalRepeated) and lead is not None:
                TALLY.count(ARRIVALS, self._vendor(lead.facts.vendor), "resend")

    def _vendor(self, vendor: str) -> str:
        if vendor in self.vendors:
            return vendor
        if len(self.vendors) >= MOST_VENDORS:
            return OTHER
        self.vendors.add(vendor)
        return vendor
