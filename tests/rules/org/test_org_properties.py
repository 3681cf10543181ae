"""An org keeps its guarantees in any order of events: caps, turns, one ring, and no lost lead.

Every offer is compared with the second computation of `ReferenceAllocator`: R1, R5, R7, R8, R9, S1, S4, X3, X7.
"""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from models.offers import OfferMade, Outcome
from models.org_events import OfferSettled, RepChange
from models.org_rows import OrgLeadStatus
from tests.rules.calendar.weeks import ALL, span_on
from tests.rules.org.conditions import where
from tests.rules.org.reference_allocator import ReferenceAllocator

REPS = ("ann", "bob", "cyd", "dee", "eve")
GROUPS = ("west", "east", "heavy", "shotgun")
STATES = ("RI", "TX", None)
TERMS: list[dict[str, Any]] = [
    {},
    {"max_open": 1},
    {"max_open": 3},
    {"max_per_day": 2},
    {"max_open": 2, "max_per_day": 3, "time_zone": "America/Los_Angeles"},
    {"licensed_states": ["RI"]},
    {"licensed_states": ["RI"], "max_open": 2},
    {"filter": where("vendor", "acme")},
    {"hours": [span_on(ALL, "08:00", "12:00")]},
    {"hours": [span_on(ALL, "22:00", "11:00")], "max_open": 2},
    {"absences": [{"from": "2026-11-18T12:00:00-05:00", "to": "2026-11-19T09:00:00-05:00"}]},
    {"active": False},
    {"availability": "paused"},
    {"availability": "last_lead", "availability_at": "2026-11-18T10:00:00-05:00"},
    {"availability": "last_lead", "availability_at": "2026-11-18T11:00:00-05:00", "max_open": 3},
]
ROSTERS: list[tuple[str | tuple[str, int], ...]] = [
    REPS,
    ("ann", "bob", "cyd"),
    ("dee", "ann"),
    ("eve",),
    (("ann", 5), ("bob", 1), ("cyd", 1)),
    (("ann", 3), ("bob", 3), ("dee", 2), ("eve", 2)),
]
MORE: list[dict[str, Any]] = [
    {"method": "round_robin"},
    {"method": "round_robin", "claim_window_seconds": 900},
    {"method": "round_robin", "pause": [span_on(ALL, "10:30", "11:30")], "time_zone": "America/New_York"},
    {"method": "roster"},
    {"method": "ring_all"},
    {"method": "distribute_all"},
    {"method": "round_robin", "filter": where("state", "RI")},
    {"method": "queue"},
]
LENGTHS = [timedelta(minutes=5), timedelta(minutes=40), timedelta(hours=3), timedelta(hours=14)]

reps = st.sampled_from(REPS)


class OrgLives(RuleBasedStateMachine):
    """One org with few people and small caps, whose leads often reach them."""

    leads: Bundle[str] = Bundle("leads")

    def __init__(self) -> None:
        super().__init__()
        self.allocator = ReferenceAllocator(slice_size=2)  # so small that every change takes several slices
        self.number = 0
        self.rounds: dict[str, list[str]] = {}
        self.facts: dict[str, dict[str, Any]] = {}

    @initialize(terms=st.lists(st.sampled_from(TERMS[:8]), min_size=len(REPS), max_size=len(REPS)))
    def begin(self, terms: list[dict[str, Any]]) -> None:
        for rep_id, rep_terms in zip(REPS, terms, strict=True):
            self.allocator.rep(rep_id, **rep_terms)
        self.allocator.group("west", *REPS, claim_window_seconds=900)
        self.allocator.group("east", "cyd", "dee", "eve")
        self.allocator.group("heavy", ("ann", 5), ("bob", 1), ("cyd", 1), ("dee", 1))
        self.allocator.group("shotgun", *REPS, method="ring_all")

    @rule(target=leads, group=st.sampled_from(GROUPS), state=st.sampled_from(STATES), n=st.integers(1, 4))
    def arrive(self, group: str, state: str | None, n: int) -> Any:
        arrived = []
        for _ in range(n):
            self.number += 1
            name = f"lead-{self.number}"
            self.facts[name] = {"state": state}
            self.rounds[name] = []
            self.note(self.allocator.ask(name, group, **self.facts[name]))
            arrived.append(name)
        return multiple(*arrived)

    def note(self, answer: Any) -> None:
        if isinstance(answer, OfferMade):
            tried_reps = self.rounds[answer.lead_id]
            assert answer.rep_id not in tried_reps, "each rep is tried once in a round (R8)"
            tried_reps.append(answer.rep_id)

    def holder(self, lead: str) -> str | None:
        row = self.allocator.state.leads.get(lead)
        return row.holds[0].rep_id if row and row.holds else None

    @rule(lead=leads)
    def is_claimed(self, lead: str) -> None:
        if holder := self.holder(lead):
            self.allocator.claim(lead, holder)
            assert self.allocator.stage(lead) in (OrgLeadStatus.HELD, None)

    @rule(lead=leads, outcome=st.sampled_from([Outcome.TIMEOUT, Outcome.DECLINED]), asks_again=st.booleans())
    def passes_on(self, lead: str, outcome: Outcome, asks_again: bool) -> None:
        """End the window, or decline; the lead requests again, without the reps it tried."""
        row = self.allocator.state.leads.get(lead)
        if row is None or row.stage is not OrgLeadStatus.OFFERED:
            return
        tried_reps = {*self.rounds[lead], row.holds[0].rep_id}
        group = row.group_id or "west"
        self.allocator.settle(lead, outcome, row.holds[0].rep_id)
        if asks_again:
            self.rounds[lead] = sorted(tried_reps)
            self.note(self.allocator.ask(lead, group, tried=tuple(sorted(tried_reps)), **self.facts[lead]))

    @rule(lead=leads, outcome=st.sampled_from(list(Outcome)), rep_id=st.none() | reps)
    def settles_somehow(self, lead: str, outcome: Outcome, rep_id: str | None) -> None:
        self.allocator.settle(lead, outcome, rep_id)

    @rule(lead=leads, outcome=st.sampled_from(list(Outcome)), back=st.integers(1, 2), rep_id=st.none() | reps)
    def settles_late(self, lead: str, outcome: Outcome, back: int, rep_id: str | None) -> None:
        row = self.allocator.state.leads.get(lead)
        epoch = self.allocator.epochs[lead] - back
        event = OfferSettled(cause="late", lead_id=lead, epoch=epoch, outcome=outcome, rep_id=rep_id)
        if row is not None:
            self.allocator.tell(event)
            assert self.allocator.state.leads.get(lead) == row, "what is late changes nothing (X3)"

    @rule(lead=leads)
    def asks_twice(self, lead: str) -> None:
        row = self.allocator.state.leads.get(lead)
        if row is not None and self.allocator.rep_requests[lead].epoch <= row.epoch:
            self.allocator.tell(self.allocator.rep_requests[lead])
            assert self.allocator.state.leads.get(lead) == row, "a repeat changes nothing (X3)"

    @rule(lead=leads, rep_id=reps)
    def is_taken(self, lead: str, rep_id: str) -> None:
        self.allocator.take(lead, rep_id)

    @rule(lead=leads, closes=st.booleans())
    def ends(self, lead: str, closes: bool) -> None:
        (self.allocator.close if closes else self.allocator.release)(lead)
        assert self.allocator.stage(lead) is None

    @rule(lead=leads, group=st.sampled_from(GROUPS))
    def asks_anew(self, lead: str, group: str) -> None:
        self.rounds[lead] = []
        self.note(self.allocator.ask(lead, group, **self.facts[lead]))

    @rule(rep_id=reps, terms=st.none() | st.sampled_from(TERMS))
    def rep_is_published(self, rep_id: str, terms: dict[str, Any] | None) -> None:
        if terms is None:
            self.allocator.publish("rep", rep_id, None)
        else:
            self.allocator.rep(rep_id, **terms)

    @rule(group=st.sampled_from(GROUPS), roster=st.sampled_from(ROSTERS), more=st.sampled_from(MORE))
    def roster_is_edited(
        self, group: str, roster: tuple[str | tuple[str, int], ...], more: dict[str, Any]
    ) -> None:
        self.allocator.group(group, *roster, **more)

    @rule(rep_id=reps, change=st.sampled_from(list(RepChange)), length=st.none() | st.sampled_from(LENGTHS))
    def rep_changes(self, rep_id: str, change: RepChange, length: timedelta | None) -> None:
        self.allocator.changes(rep_id, change, self.allocator.now + length if length else None)

    @rule(on=st.booleans())
    def round_robin_is_switched(self, on: bool) -> None:
        self.allocator.publish("settings", "settings", {"round_robin": on})

    @rule(length=st.sampled_from(LENGTHS))
    def time_passes(self, length: timedelta) -> None:
        self.allocator.advance(length)

    @precondition(lambda self: self.allocator.state.reps)
    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        self.allocator.advance(timedelta(0))
        assert not self.allocator.stuck(), "a lead that somebody may have does not wait"

    @invariant()
    def who_left_has_nothing(self) -> None:
        for rep_id in self.allocator.left:
            row = self.allocator.state.reps.get(rep_id)
            if row is not None and row.wake is None:
                assert row.held + row.offered == 0, "one event lets go of everything (X2)"

    def teardown(self) -> None:
        """Bring everything to its end; then nobody has a lead in hand."""
        for lead in list(self.allocator.state.leads):
            self.allocator.close(lead)
        for row in self.allocator.state.reps.values():
            assert (row.held, row.offered, row.ring) == (0, 0, None), "all is given back (X7)"


TestOrgLives = OrgLives.TestCase
TestOrgLives.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
