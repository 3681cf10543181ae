"""Counts what was decided, for dashboards and alerts.

The relay counts a record of `lead-journal` when all its messages are durable. What a killed relay made public is not
counted again by the next one, so the records that were on their way then are not counted at all. Totals are for rates,
not for books. The CRM database has exact figures.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from models.activities import SHORT_TYPES
from models.decisions import (
    Answered,
    ArrivalRepeated,
    Decision,
    ExceptionIgnored,
    ExceptionRaised,
    ExceptionResolved,
    InquiryAdded,
    LeadAccepted,
    OwnerChanged,
)
from models.lead import Lead, LeadRow
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
    Increment,
)
from streams.topics import DEAD_LETTERS

if TYPE_CHECKING:
    from models.results import Reason, Result

MAX_VENDORS: Final = 200
"""How many vendors have figures of their own in one process. Further ones are counted as `other`."""
OTHER: Final = "other"
_COUNTED: Final = frozenset(
    {
        *(
            Answered,
            OwnerChanged,
            LeadOffered,
            OfferEnded,
            ExceptionRaised,
            ExceptionResolved,
            ExceptionIgnored,
        ),
        *(LeadAccepted, InquiryAdded, ArrivalRepeated),
    }
)
_ACTIONS: Final = frozenset({*(trigger.value for trigger in Trigger), *(kind.value for kind in SHORT_TYPES)})


def count_published(topic: str, messages: int) -> None:
    """Count messages that the relay wrote to a topic. Its dead letters are counted elsewhere."""
    if topic != DEAD_LETTERS:
        TALLY.of(PUBLISHED, topic).by += messages


class DecisionMetrics:
    """Counts the decisions of journal records. `vendors`: those that have figures of their own."""

    def __init__(self) -> None:
        self.vendors: set[str] = set()
        self._answers: dict[tuple[str, Result, Reason | None], Increment] = {}

    def count_later(self, row: LeadRow) -> Callable[[], None]:
        """Return a function that counts the decisions of one record.

        It does not keep the record. Thousands of records wait until their messages are durable, and memory that is free
        again at once is still in the processor's cache.
        """
        decisions = row.decisions
        if len(decisions) == 1 and isinstance(decision := decisions[0], Answered):
            return self._answer(decision).once
        counted = [decision for decision in decisions if type(decision) in _COUNTED]
        increments = [increment for decision in counted if (increment := self._increment(row, decision))]
        lead, firsts = row.lead, filter(_is_first_owner, counted)
        return partial(_count, increments, [] if lead is None else [_wait(row, lead) for _ in firsts])

    def _answer(self, answer: Answered) -> Increment:
        action = answer.action if answer.action in _ACTIONS else OTHER
        key = action, answer.result, answer.reason
        increment = self._answers.get(key)
        if increment is None:
            increment = TALLY.of(ANSWERS, action, answer.result.value, answer.reason or "")
            self._answers[key] = increment
        return increment

    def _increment(self, row: LeadRow, decision: Decision) -> Increment | None:
        lead = row.lead
        if isinstance(decision, Answered):
            return self._answer(decision)
        if isinstance(decision, OwnerChanged):
            return TALLY.of(OWNER_CHANGES, decision.how)
        if isinstance(decision, LeadOffered):
            return TALLY.of(OFFERS, decision.method)
        if isinstance(decision, OfferEnded):
            return TALLY.of(OFFERS_ENDED, decision.method or "", decision.outcome.value)
        if isinstance(decision, ExceptionRaised):
            return TALLY.of(EXCEPTIONS, "raised", decision.reason)
        if isinstance(decision, ExceptionResolved):
            return TALLY.of(EXCEPTIONS, "resolved", decision.reason)
        if isinstance(decision, ExceptionIgnored):
            return TALLY.of(EXCEPTIONS, "ignored", "")
        if isinstance(decision, LeadAccepted) and lead is not None and not lead.split_from:
            return TALLY.of(ARRIVALS, self._vendor(lead.facts.vendor), "lead")
        if isinstance(decision, InquiryAdded):
            return TALLY.of(ARRIVALS, self._vendor(decision.vendor), "inquiry")
        if isinstance(decision, ArrivalRepeated) and lead is not None:
            return TALLY.of(ARRIVALS, self._vendor(lead.facts.vendor), "resend")
        return None

    def _vendor(self, vendor: str) -> str:
        if vendor in self.vendors:
            return vendor
        if len(self.vendors) >= MAX_VENDORS:
            return OTHER
        self.vendors.add(vendor)
        return vendor


def _is_first_owner(decision: Decision) -> bool:
    """Tell whether a decision gives an owner to a lead that has none."""
    return (
        isinstance(decision, OwnerChanged)
        and decision.previous_rep_id is None
        and decision.rep_id is not None
    )


def _wait(row: LeadRow, lead: Lead) -> float:
    """Return the seconds from the lead's arrival to the record."""
    return max(0.0, (row.at - lead.arrived_at).total_seconds())


def _count(increments: list[Increment], waits: list[float]) -> None:
    for increment in increments:
        increment.by += 1
    for seconds in waits:
        SPEED_TO_LEAD.observe(seconds)
