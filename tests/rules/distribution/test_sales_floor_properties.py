"""Leads and org keep their guarantees in any order of events, and however late their messages are.

Every step of a lead is checked with `check_step`, every offer against the caps. The checks below span both sides.
"""

from collections import Counter
from datetime import timedelta
from typing import Any, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from models.decisions import OwnerChanged
from models.lead import Deadline, Phase
from models.offer_decisions import LeadOffered, OfferDeclined, OfferEnded, RepSought
from models.offers import OfferMade, Outcome, RingStarted
from models.org_decisions import CapacityReturned
from models.org_events import RepChange
from rules.outbound.notifications import MOVED
from tests.rules.distribution.sales_floor import ARRIVALS, NEWS, PARTITIONS, SalesFloor

STEADY: Final = ("ann", "bob", "cyd")
"""Reps who are always there, without caps. Turns are counted among them."""
FICKLE: Final = ("dee", "eve")
LEADS: Final = tuple(f"A-{number}" for number in range(9))
GROUPS: Final = ("fair", "west", "west", "shotgun", "buttons")
TERMS: Final[list[dict[str, Any] | None]] = [
    {},
    {"max_open": 1},
    {"max_open": 2},
    {"max_open": 3, "max_per_day": 4},
    {"licensed_states": ["TX"]},
    {"active": False},
    None,
]
ANSWERS: Final[list[tuple[str, dict[str, Any]]]] = [
    ("accept", {}),
    ("accept", {"epoch": 1}),
    ("decline", {}),
    ("decline", {}),
    ("press_one", {}),
    ("hang_up", {}),
    ("connect", {}),
    ("claim", {"queue_id": "open"}),
    ("claim_now", {}),
    ("view", {}),
    ("note", {"note": "n"}),
    ("activity", {"kind": "email"}),
    ("callback", {}),
    ("outcome", {"outcome": "no answer"}),
    ("outcome", {"outcome": "closed_won"}),
    ("outcome", {"outcome": "closed_won"}),
]
CORRECTIONS: Final[list[dict[str, Any]]] = [
    {"state": "TX"},
    {"state": "RI"},
    {"phone": "+14014194247"},
    {"phone": "+14014190002", "email": "k@x.org"},
    {"phone": None},
    {"email": "j@x.org"},
    {"campaign": "west"},
]
DESK: Final[list[tuple[str, dict[str, Any]]]] = [
    *(("assign", {"to_rep_id": rep_id}) for rep_id in ("ann", *FICKLE)),
    ("ignore", {}),
    ("unignore", {}),
    ("reopen_claimable", {}),
    *(("reassign", {"to_rep_id": rep_id, "why": "to share"}) for rep_id in ("bob", *FICKLE)),
    ("unassign", {"why": "back"}),
    ("unassign", {"why": "back"}),
    ("redistribute", {}),
    ("redistribute", {}),
    ("reopen", {"why": "it came back"}),
    *(("update", {"facts": facts}) for facts in CORRECTIONS),
]
LENGTHS: Final = [
    timedelta(seconds=20),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=2),
    timedelta(days=1),
]

leads = st.sampled_from(LEADS)
fickle = st.sampled_from(FICKLE)
sources = st.sampled_from([NEWS, ARRIVALS, *map(str, range(PARTITIONS))])
phones = st.sampled_from([None, None, "+14014194247", "+14014190001", "+14014190002"])
emails = st.sampled_from([None, "j@x.org", "k@x.org"])
counts = st.sampled_from([1, 1, 2, 5, 50])


class SalesFloorMachine(RuleBasedStateMachine):
    """Few leads and reps, small caps, short windows, and messages that arrive at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.sales_floor = SalesFloor(*STEADY)
        self.seen: list[tuple[str, Deadline]] = []
        self.turns: Counter[str] = Counter()
        self.owed: Counter[str] = Counter()
        self.judged = 0
        self.through: dict[str, str] = {}
        self.actions = 0

    @initialize(terms=st.tuples(st.sampled_from(TERMS[:4]), st.sampled_from(TERMS[:4])), queue=st.booleans())
    def begin(self, terms: tuple[dict[str, Any], ...], *, queue: bool) -> None:
        sales_floor = self.sales_floor
        for rep_id, rep_terms in zip(FICKLE, terms, strict=True):
            sales_floor.rep(rep_id, **rep_terms)
        sales_floor.group("fair", *STEADY)
        sales_floor.group(
            "west",
            *FICKLE,
            "ann",
            claim_window_seconds=900,
            pause=[{"days": ["fri", "sat"], "from": "15:00", "to": "16:00"}],
        )
        sales_floor.group("shotgun", *FICKLE, "bob", method="ring_all", ring_seconds=20)
        sales_floor.group("buttons", *FICKLE, method="distribute_all", ring_seconds=300)
        if queue:
            sales_floor.queue("open", ("owned", "=", False), claimable=True).queue("work")
        sales_floor.prompt = False

    # -- what happens -----------------------------------------------------------------------------------------------

    @rule(
        name=leads,
        through=st.sampled_from(GROUPS),
        state=st.sampled_from(["RI", "TX"]),
        to=st.sampled_from([None, None, None, "cyd", "dee"]),
    )
    def comes(self, name: str, through: str, state: str, to: str | None) -> None:
        self.sales_floor.comes(name, through=through, state=state, assigned_to=to)

    @rule(names=st.sets(leads, min_size=3), through=st.sampled_from(GROUPS))
    def come(self, names: set[str], through: str) -> None:
        self.sales_floor.comes(*sorted(names), through=through)

    @rule(name=leads, through=st.sampled_from(GROUPS), phone=phones, email=emails)
    def somebody_comes_who_may_be_known(
        self, name: str, through: str, phone: str | None, email: str | None
    ) -> None:
        """Two vendors send the same person, and sometimes two people share a phone or an address (R6)."""
        self.sales_floor.comes(name, through=through, phone=phone, email=email)

    @rule(
        handle=st.sampled_from(["phone/+14014194247", "email/j@x.org"]), reason=st.sampled_from(["no", None])
    )
    def a_handle_is_listed(self, handle: str, reason: str | None) -> None:
        self.sales_floor.lists(handle, reason)

    @rule(name=leads, anybody=st.sampled_from([*STEADY, *FICKLE]), action=st.sampled_from(ANSWERS))
    def asks(self, name: str, anybody: str, action: tuple[str, dict[str, Any]]) -> None:
        self.requests(name, anybody, action)
        self.remember(name)

    @rule(name=leads, index=st.integers(0, 2), action=st.sampled_from(ANSWERS))
    def who_has_it_acts(self, name: str, index: int, action: tuple[str, dict[str, Any]]) -> None:
        row = self.sales_floor.rows.get(name)
        if row is not None and row.lead is not None and (reps := self.sales_floor.has(name)):
            self.asks(name, reps[index % len(reps)], action)

    @rule(name=leads, action=st.sampled_from(DESK))
    def manages(self, name: str, action: tuple[str, dict[str, Any]]) -> None:
        self.requests(name, "ada", action)

    @rule(name=leads, other=leads)
    def merges(self, name: str, other: str) -> None:
        """K5: a manager merges two leads, whatever else happens to them."""
        self.requests(name, "mia", ("merge", {"into_lead_id": other, "why": "the same"}))

    @rule(name=leads, other=leads)
    def splits(self, name: str, other: str) -> None:
        self.requests(name, "mia", ("split", {"inquiry_id": other, "why": "another"}))

    @precondition(lambda self: any(row.lead and row.lead.joined for row in self.sales_floor.rows.values()))
    @rule(data=st.data())
    def takes_out_what_is_there(self, data: st.DataObject) -> None:
        joined = [
            (name, inquiry_id)
            for name, row in self.sales_floor.rows.items()
            for inquiry_id in (row.lead.joined if row.lead else ())
        ]
        self.splits(*data.draw(st.sampled_from(joined)))

    def requests(self, name: str, rep_id: str, action: tuple[str, dict[str, Any]]) -> None:
        self.actions += 1
        self.sales_floor.of(name).requests(action[0], rep_id, action_id=f"action-{self.actions}", **action[1])

    @rule(rep_id=fickle, terms=st.sampled_from(TERMS))
    def rep_is_published(self, rep_id: str, terms: dict[str, Any] | None) -> None:
        self.sales_floor.publishes("rep", rep_id, terms)

    @rule(rep_id=fickle, change=st.sampled_from(list(RepChange)))
    def rep_changes(self, rep_id: str, change: RepChange) -> None:
        until = self.sales_floor.now + timedelta(hours=1) if change is RepChange.ABSENT else None
        self.sales_floor.changes(rep_id, change, until)

    @rule(on=st.booleans(), caps=st.booleans())
    def settings_are_published(self, *, on: bool, caps: bool) -> None:
        self.sales_floor.settings(round_robin=on, enforce_caps=caps)

    # -- messages ---------------------------------------------------------------------------------------------------

    @rule(source=sources, most=counts)
    def org_messages_arrive(self, source: str, most: int) -> None:
        self.sales_floor.carry(source, most)

    @rule(partition=sources, most=counts)
    def answers_arrive(self, partition: str, most: int) -> None:
        if partition not in (NEWS, ARRIVALS):
            self.sales_floor.answer(partition, most)

    @rule(source=sources, steps=st.integers(1, 40))
    def a_relay_begins_again(self, source: str, steps: int) -> None:
        """Reps who leave or return send no message.

        Only publications are repeated, by intake, and they have a version.
        """
        if source != NEWS:
            self.sales_floor.org_messages[source].rewind(steps)

    @rule(partition=sources, steps=st.integers(1, 40))
    def an_org_relay_begins_again(self, partition: str, steps: int) -> None:
        if partition not in (NEWS, ARRIVALS):
            self.sales_floor.answers[partition].rewind(steps)

    @rule(compacted=st.booleans())
    def the_org_is_read_back(self, *, compacted: bool) -> None:
        self.sales_floor.restart_org(compacted=compacted)

    # -- time -------------------------------------------------------------------------------------------------------

    @rule(length=st.sampled_from(LENGTHS))
    def time_passes(self, length: timedelta) -> None:
        self.sales_floor.wait(seconds=length.total_seconds())

    @rule(length=st.sampled_from(LENGTHS))
    def time_passes_and_timers_are_late(self, length: timedelta) -> None:
        self.sales_floor.now += length

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def a_timer_speaks_late_or_twice(self, data: st.DataObject) -> None:
        name, deadline = data.draw(st.sampled_from(self.seen[-12:]))
        before = self.sales_floor.lead_of(name)
        self.sales_floor.of(name).passes(deadline)
        if deadline not in before.deadlines:
            assert self.sales_floor.lead_of(name) == before, "a deadline that is over changes nothing (X3)"

    def remember(self, name: str) -> None:
        lead = self.sales_floor.rows[name].lead
        self.seen += [(name, deadline) for deadline in lead.deadlines] if lead else []

    # -- what holds -------------------------------------------------------------------------------------------------

    @rule()
    def all_is_delivered_and_both_sides_agree(self) -> None:
        """X7: leads and org agree on every lead; everything that is due is handled."""
        self.sales_floor.prompt = True
        self.sales_floor.wait()
        self.sales_floor.agree()
        for number in range(self.actions):
            self.sales_floor.answer_to(f"action-{number + 1}")
        self.sales_floor.prompt = False
        for row in self.sales_floor.rows.values():
            for deadline in row.lead.deadlines if row.lead else ():
                assert deadline.due > self.sales_floor.now

    @invariant()
    def x7_every_lead_is_in_one_phase(self) -> None:
        known_leads = [row.lead for row in self.sales_floor.rows.values() if row.lead is not None]
        counted = Counter(lead.phase for lead in known_leads)
        assert sum(counted[phase] for phase in Phase) == len(known_leads)

    @invariant()
    def r5_who_had_it_from_the_start_keeps_it_unless_a_manager_moves_it(self) -> None:
        for name in self.sales_floor.rows:
            owners = self.sales_floor.all_decisions(name, OwnerChanged)
            if owners and owners[0].how == "pre_assigned" and owners[0].rep_id in STEADY:
                assert len(owners) == 1 or owners[1].how in MOVED

    @invariant()
    def r8_nobody_is_tried_twice(self) -> None:
        for name, rows in self.sales_floor.history.items():
            tried_reps: set[str] = set()
            for decision in (decision for row in rows for decision in row.decisions):
                if isinstance(decision, RepSought) and not decision.tried:
                    tried_reps = set()  # a new arrival or another inquiry begins a new round (R6)
                elif isinstance(decision, LeadOffered):
                    assert tried_reps.isdisjoint(decision.reps), (
                        f"{name} was offered again to who had been tried"
                    )
                elif isinstance(decision, OfferEnded) and decision.outcome in (
                    Outcome.TIMEOUT,
                    Outcome.DECLINED,
                ):
                    tried_reps |= set(decision.reps)
                elif isinstance(decision, OfferDeclined) and not decision.decided_by_org:
                    tried_reps.add(decision.rep_id)

    @invariant()
    def r7_turns_among_those_who_are_always_there_differ_by_one_at_most(self) -> None:
        for decision in self.sales_floor.decided[self.judged :]:
            if isinstance(decision, OfferMade | RingStarted):
                self.through[decision.lead_id] = decision.group_id
            if isinstance(decision, OfferMade) and (decision.group_id, decision.method) == (
                "fair",
                "round_robin",
            ):
                if self.owed[decision.rep_id]:
                    self.owed[decision.rep_id] -= 1
                else:
                    self.turns[decision.rep_id] += 1
            elif (
                isinstance(decision, CapacityReturned)
                and decision.turn == "owed"
                and decision.rep_id in ("bob", "cyd")
            ):
                self.owed[decision.rep_id] += 1
            elif (
                isinstance(decision, CapacityReturned)
                and decision.turn == "owed"
                and decision.rep_id == "ann"
            ):
                self.owed["ann"] += self.fair(decision.lead_id)
            turns = [self.turns[rep_id] for rep_id in STEADY]
            assert max(turns) - min(turns) <= 1
        self.judged = len(self.sales_floor.decided)

    def fair(self, lead_id: str) -> bool:
        """Return whether a lead was last offered by the group in which turns are counted."""
        return self.through.get(lead_id) == "fair"

    @invariant()
    def q10_who_was_claimed_once_is_in_no_claimable_queue_again(self) -> None:
        for row in self.sales_floor.rows.values():
            lead = row.lead
            if lead is not None and lead.claimed_through is not None:
                assert "open" not in lead.placements
                orphaned = lead.failed is not None and lead.failed.reason == "orphaned"
                assert not orphaned or lead.phase in (Phase.EXCEPTION, Phase.IGNORED)

    def teardown(self) -> None:
        """Let everything come to its end."""
        sales_floor = self.sales_floor
        sales_floor.prompt = True
        sales_floor.wait(days=40)
        sales_floor.agree()
        for name, row in sales_floor.rows.items():
            lead = row.lead
            assert lead is None or lead.phase is not Phase.OFFERED, f"{name} is offered for ever"
            assert lead is None or lead.open_distribution is None or lead.open_exception or lead.placements
        sales_floor.restart_org()


TestX7SalesFloor = SalesFloorMachine.TestCase
TestX7SalesFloor.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
