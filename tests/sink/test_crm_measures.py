"""The operations page counts what the journal contains, minute by minute, on both databases."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from models.decisions import Answered, Decision, ExceptionRaised, LeadAccepted
from models.lead import Lead, LeadRow, Phase
from models.offer_decisions import LeadOffered, NobodyAvailable, OfferDeclined, OfferEnded
from models.offers import Outcome, RejectedCandidate, RejectionReason
from models.open_exception import OpenException
from models.results import Reason, Result
from sink import measures
from sink.measures import ClaimCounts, CountRange, FirstOwnerSpeed, OfferCounts, ShareOfRep
from sink.writer import CrmWriter, JournalRecord
from tests.sink.seeded_journal import START, lead_of, owner_changed, record_of

MINUTE = timedelta(minutes=1)


class Journal:
    """Rows at chosen instants."""

    def __init__(self, writer: CrmWriter) -> None:
        self._writer = writer
        self._records: list[JournalRecord] = []
        self._seq: dict[str, int] = {}

    def says(self, lead: Lead, at: datetime, *decisions: Decision) -> None:
        """Append a decision about a lead at an instant."""
        seq = self._seq[lead.lead_id] = self._seq.get(lead.lead_id, 0) + 1
        off = len(self._records)
        row = LeadRow(off=off, seq=seq, lead=lead, at=at, cause=f"cause-{off}", decisions=tuple(decisions))
        self._records.append(record_of(row, off))

    def store(self) -> None:
        """Let the sink store the rows."""
        self._writer.apply(self._records)


def answer_of(action_id: str, result: Result, at: datetime, action: str = "claim") -> Answered:
    """Return the answer to an action."""
    lost = result is Result.LOST
    return Answered(
        action_id=action_id,
        action=action,
        rep_id="rep-3",
        result=result,
        version=1,
        decided_at=at,
        reason=Reason.ALREADY_CLAIMED if lost else None,
    )


def offer_of(reps: Sequence[str], *passed: RejectedCandidate, method: str = "round_robin") -> LeadOffered:
    """Return an offer of the group west."""
    return LeadOffered(
        group_id="west", epoch=1, method=method, reps=tuple(reps), why="its turn", passed=passed
    )


def end_of_offer(
    reps: Sequence[str], outcome: Outcome, method: str | None = "round_robin", winner: str | None = None
) -> OfferEnded:
    """Return the end of an offer."""
    return OfferEnded(
        group_id="west", epoch=1, outcome=outcome, why="", reps=tuple(reps), method=method, winner=winner
    )


@pytest.fixture
def journal(writer: CrmWriter) -> Journal:
    """Return a journal without rows."""
    return Journal(writer)


def of_org(name: str, org: str, **changes: Any) -> Lead:
    """Return a lead of another org."""
    lead = lead_of(name, **changes)
    return msgspec.structs.replace(lead, facts=msgspec.structs.replace(lead.facts, org=org))


def test_arrivals_and_claims_by_minute_of_one_org_since_an_instant(journal: Journal, engine: Engine) -> None:
    before = lead_of("before", arrived_at=START - MINUTE)
    a, b = lead_of("a"), lead_of("b", arrived_at=START + MINUTE)
    foreign = of_org("c", "another")
    for lead in (before, a, b, foreign):
        journal.says(lead, lead.arrived_at, LeadAccepted())
    journal.says(before, START - MINUTE, answer_of("0", Result.WON, START))
    journal.says(a, START, answer_of("1", Result.WON, START))
    journal.says(a, START + MINUTE, answer_of("2", Result.LOST, START + MINUTE))
    journal.says(b, START + MINUTE, answer_of("3", Result.WON, START + MINUTE, "press_one"))
    journal.says(b, START + MINUTE, answer_of("4", Result.REFUSED, START + MINUTE))
    journal.says(b, START + MINUTE, answer_of("5", Result.DONE, START + MINUTE, "note"))
    journal.says(
        a, START + 2 * MINUTE, answer_of("1", Result.WON, START)
    )  # a repeat with the same answer (X4)
    journal.says(foreign, START, answer_of("6", Result.WON, START))
    journal.store()
    with engine.connect() as connection:
        whole = CountRange(START, cut=False)
        assert measures.arrivals(connection, "default", START) == ({START: 1, START + MINUTE: 1}, whole)
        assert measures.claims(connection, "default", START) == (
            {START: ClaimCounts(1, 0), START + MINUTE: ClaimCounts(1, 1)},
            whole,
        )
        assert measures.claims(connection, "nobody", START) == ({}, whole)


def test_the_first_owner_counts_and_how_long_the_lead_waited(journal: Journal, engine: Engine) -> None:
    for n, seconds in enumerate((10, 20, 30, 40)):
        lead = lead_of(str(n))
        journal.says(lead, START + timedelta(seconds=seconds), owner_changed("rep-3"))
    journal.says(
        lead_of("0"), START + 2 * MINUTE, owner_changed("rep-7", "rep-3")
    )  # not the lead's first owner
    journal.store()
    with engine.connect() as connection:
        speed, by_minute, cut = measures.first_owners(connection, "default", START)
        assert speed == FirstOwnerSpeed(4, 20.0, 40.0)
        assert by_minute == {START: FirstOwnerSpeed(4, 20.0, 40.0)}
        assert not cut.cut
        assert measures.first_owners(connection, "default", START + MINUTE)[0] == FirstOwnerSpeed(
            0, None, None
        )


def test_offers_by_outcome_exceptions_by_reason(journal: Journal, engine: Engine) -> None:
    a = lead_of("a")
    journal.says(a, START, offer_of(["rep-3"]))
    journal.says(a, START, end_of_offer(["rep-3"], Outcome.TIMEOUT), offer_of(["rep-7"]))
    journal.says(a, START, end_of_offer([], Outcome.CLAIMED, winner="rep-7"))
    journal.says(a, START, end_of_offer([], Outcome.VOIDED, method=None))
    journal.says(a, START, offer_of(["rep-3", "rep-7"], method="ring_all"))
    open_exception = OpenException("all_agents_tried", (), START)
    raised = ExceptionRaised(reason="all_agents_tried", explanation=())
    journal.says(lead_of("x", phase=Phase.EXCEPTION, open_exception=open_exception), START, raised)
    journal.says(lead_of("y"), START, raised)
    journal.store()
    with engine.connect() as connection:
        assert measures.offers(connection, "default", START) == {
            "ring_all": OfferCounts(made=1),
            "round_robin": OfferCounts(made=2, claimed=1, timeout=1),
        }
        assert measures.exceptions_raised(connection, "default", START) == {"all_agents_tried": 2}
        assert measures.exceptions_open(connection, "default") == {"all_agents_tried": 1}


def test_r7_r9_who_got_how_many_of_a_group_and_who_was_passed_over_why(
    journal: Journal, engine: Engine
) -> None:
    a = lead_of("a")
    licence = RejectedCandidate("rep-9", RejectionReason.LICENCE, "is not licensed in RI")
    summed_up = RejectedCandidate(None, RejectionReason.HOURS, "3 more: hours")
    journal.says(a, START, offer_of(["rep-3"], licence, summed_up))
    journal.says(a, START, end_of_offer(["rep-3"], Outcome.DECLINED), offer_of(["rep-7"], licence))
    journal.says(a, START, end_of_offer([], Outcome.CLAIMED, winner="rep-7"))
    journal.says(lead_of("c"), START, offer_of(["rep-3", "rep-7", "rep-9"], method="ring_all"))
    declined = OfferDeclined(rep_id="rep-9", epoch=1, why="", remaining=("rep-3", "rep-7"), group_id="west")
    journal.says(lead_of("c"), START, declined)
    journal.says(lead_of("c"), START, end_of_offer(["rep-3"], Outcome.CLAIMED, "ring_all", winner="rep-7"))
    nobody = NobodyAvailable(
        group_id="west", epoch=2, reason="no_available_agents", explanation=(licence,), waits=True
    )
    journal.says(lead_of("b"), START, nobody)
    journal.store()
    with engine.connect() as connection:
        shares, left_over, cut = measures.fairness(connection, "default", START)
    assert shares["west"] == {
        "": ShareOfRep(0, 0, 0, 0, 0, {"hours": 3}),
        "rep-3": ShareOfRep(2, 0, 0, 1, 0, {}),
        "rep-7": ShareOfRep(2, 2, 0, 0, 0, {}),
        "rep-9": ShareOfRep(1, 0, 0, 1, 0, {"licence": 3}),
    }
    assert left_over == {"west": {"no_available_agents": 1}}
    assert cut == CountRange(START, cut=False)


def test_no_more_is_counted_than_is_bounded_and_it_is_said(
    journal: Journal, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "MAX_ROWS", 2)
    for n in range(4):
        lead = lead_of(str(n), arrived_at=START + n * MINUTE)
        journal.says(lead, lead.arrived_at, LeadAccepted(), owner_changed("rep-3"))
    journal.store()
    newest = CountRange(START + 2 * MINUTE, cut=True)
    with engine.connect() as connection:
        counts, cut = measures.arrivals(connection, "default", START)
        assert sorted(counts) == [START + 2 * MINUTE, START + 3 * MINUTE]
        assert cut == newest
        speed, _, cut = measures.first_owners(connection, "default", START)
        assert (speed.leads, cut) == (2, newest)
