"""With `enforce_caps`, no claim, assignment or accept gives a rep more open leads than the cap allows (M6)."""

from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from models.decisions import OwnerChanged
from models.lead import OPEN_OFFERS, Phase
from models.reserved_place_decisions import PlaceReturned, PlaceSought
from models.results import Reason, Result
from tests.rules.distribution.sales_floor import ARRIVALS, NEWS, ORG, PARTITIONS, SalesFloor

AT_CAP: Final = "you have 3 of at most 3 open leads"


def capped_floor(*reps: str, most: int = 3, **more: Any) -> SalesFloor:
    """Return a sales floor whose reps have a cap that holds for claims too, with a claimable queue and a work queue."""
    sales_floor = SalesFloor(*reps, max_open=most).settings(enforce_caps=True, **more)
    sales_floor.queue("new", ("owned", "=", False), claimable=True)
    return sales_floor


@pytest.fixture
def sales_floor() -> SalesFloor:
    """Give ann two leads and one offer, with three more leads in two queues."""
    sales_floor = capped_floor("ann", "bob").queue("also", ("owned", "=", False), claimable=True)
    sales_floor.group("west", "ann", claim_window_seconds=900)
    sales_floor.arrives("A").arrives("B")
    assert [sales_floor.of(name).claims("ann", "new").result for name in "AB"] == [Result.WON] * 2
    sales_floor.comes("C").arrives("D").arrives("E").arrives("F")
    assert sales_floor.has("C") == ("ann",)
    assert sales_floor.in_hand("ann") == (2, 1)
    return sales_floor


def leads_owned(sales_floor: SalesFloor, rep_id: str) -> list[str]:
    """Return the leads that a rep owns."""
    return [name for name, row in sales_floor.rows.items() if row.lead and row.lead.owner == rep_id]


def test_d17_m6_claims_an_assignment_and_an_accept_at_once_never_exceed_the_cap(
    sales_floor: SalesFloor,
) -> None:
    with sales_floor.messages_held():
        sales_floor.of("D").requests("claim", "ann", action_id="one", queue_id="new")
        sales_floor.of("E").requests("claim", "ann", action_id="two", queue_id="also")
        sales_floor.of("F").requests("assign", "mia", action_id="three", to_rep_id="ann")
        sales_floor.of("C").requests("accept", "ann", action_id="four")
    sales_floor.deliver()
    answers = {action_id: sales_floor.answer_to(action_id) for action_id in ("one", "two", "three", "four")}
    assert {action_id: (answer.result, answer.reason) for action_id, answer in answers.items()} == {
        "one": (Result.REFUSED, Reason.AT_CAP),
        "two": (Result.REFUSED, Reason.AT_CAP),
        "three": (Result.REFUSED, Reason.AT_CAP),
        "four": (Result.WON, None),
    }
    assert answers["one"].why == answers["two"].why == AT_CAP
    assert answers["three"].why == (
        "ann has 3 of at most 3 open leads; a manager may override that with a reason (override_cap)"
    )
    assert leads_owned(sales_floor, "ann") == ["A", "B", "C"]
    sales_floor.agree()


def test_m6_of_many_claims_at_once_as_many_win_as_the_rep_has_room_for() -> None:
    sales_floor = capped_floor("ann")
    names = [f"lead-{number}" for number in range(8)]
    for name in names:
        sales_floor.arrives(name)
    with sales_floor.messages_held():
        for name in names:
            sales_floor.of(name).requests("claim", "ann", action_id=name, queue_id="new")
        assert leads_owned(sales_floor, "ann") == [], "none is decided before the org has answered"
    sales_floor.deliver()
    results = [sales_floor.answer_to(name).result for name in names]
    assert (results.count(Result.WON), results.count(Result.REFUSED)) == (3, 5)
    assert sales_floor.in_hand("ann") == (3, 0)
    sales_floor.of(leads_owned(sales_floor, "ann")[0]).asks("outcome", "ann", outcome="closed_won")
    unowned = next(name for name in names if not sales_floor.lead_of(name).owner)
    assert sales_floor.of(unowned).claims("ann", "new").result is Result.WON, "there is room again"
    sales_floor.agree()


def test_m6_a_manager_overrides_the_cap_with_a_reason_which_is_recorded(sales_floor: SalesFloor) -> None:
    sales_floor.of("D")
    no_reason = sales_floor.asks("assign", "mia", to_rep_id="ann", override_cap=True)
    assert (no_reason.reason, no_reason.why) == (Reason.INVALID, "why: override_cap needs a reason")
    assigned = sales_floor.asks("assign", "mia", to_rep_id="ann", override_cap=True, why="she asked for it")
    assert (assigned.result, sales_floor.lead.owner) == (Result.DONE, "ann")
    (owner,) = sales_floor.all_decisions("D", OwnerChanged)
    assert (owner.overrides, owner.place) == (("cap",), None)
    assert owner.why == "assigned by mia: she asked for it"
    assert sales_floor.in_hand("ann") == (3, 1)
    sales_floor.of("E").claims("bob", "new")
    moved = sales_floor.asks("reassign", "mia", to_rep_id="ann", override_cap=True, why="again")
    assert (moved.result, sales_floor.in_hand("ann")) == (Result.DONE, (4, 1))
    sales_floor.agree()


def test_m6_an_override_that_is_not_needed_is_not_recorded() -> None:
    sales_floor = capped_floor("ann").arrives("A")
    sales_floor.asks("assign", "mia", to_rep_id="ann", override_cap=True, why="to be sure")
    (owner,) = sales_floor.all_decisions("A", OwnerChanged)
    assert (owner.rep_id, owner.overrides) == ("ann", ())


def test_m6_only_a_manager_overrides_the_cap() -> None:
    sales_floor = capped_floor("ann", "bob", most=1, owners_may_reassign=True).arrives("A").arrives("B")
    sales_floor.of("A").claims("ann", "new")
    sales_floor.of("B").claims("bob", "new")
    refused = sales_floor.asks("reassign", "bob", to_rep_id="ann", override_cap=True, why="please")
    assert (refused.reason, refused.why) == (
        Reason.NOT_ALLOWED,
        "overriding a cap is for managers and admins",
    )
    assert sales_floor.asks("reassign", "bob", to_rep_id="ann", why="please").reason is Reason.AT_CAP
    sales_floor.agree()


def test_m6_claim_now_and_a_promised_call_need_room_too(sales_floor: SalesFloor) -> None:
    sales_floor.publishes("queue", "new", None).publishes("queue", "also", None).queue("work")
    sales_floor.of("D").opens("ann")
    assert sales_floor.asks("claim_now", "ann").why == AT_CAP
    promised = sales_floor.asks("callback", "ann", at=sales_floor.now)
    assert (promised.reason, promised.why) == (Reason.AT_CAP, AT_CAP)
    assert sales_floor.asks("callback", "ann").result is Result.DONE, "without a time it claims nothing"
    sales_floor.agree()


def test_x4_m6_a_repeated_action_takes_one_place_and_gets_one_answer() -> None:
    sales_floor = capped_floor("ann", most=1).arrives("A").arrives("B")
    with sales_floor.messages_held():
        for _ in range(3):
            sales_floor.of("A").requests("claim", "ann", action_id="claim-1", queue_id="new")
    sales_floor.deliver()
    sales_floor.requests("claim", "ann", action_id="claim-1", queue_id="new")
    assert sales_floor.answer_to("claim-1").result is Result.WON
    assert len(sales_floor.all_decisions("A", OwnerChanged)) == 1
    assert sales_floor.in_hand("ann") == (1, 0)
    sales_floor.agree()


def test_q8_m6_a_claim_that_is_lost_returns_its_place() -> None:
    sales_floor = capped_floor("ann", "bob", most=1).arrives("A").arrives("B")
    with sales_floor.messages_held():
        sales_floor.of("A").requests("claim", "ann", action_id="first", queue_id="new")
        sales_floor.of("A").requests("claim", "bob", action_id="second", queue_id="new")
    sales_floor.deliver()
    assert sales_floor.answer_to("first").result is Result.WON
    lost_answer = sales_floor.answer_to("second")
    assert (lost_answer.result, lost_answer.reason, lost_answer.owner) == (
        Result.LOST,
        Reason.ALREADY_CLAIMED,
        "ann",
    )
    assert [decision.rep_id for decision in sales_floor.all_decisions("A", PlaceReturned)] == ["bob"]
    assert sales_floor.of("B").claims("bob", "new").result is Result.WON
    sales_floor.agree()


def test_m6_a_place_that_came_too_late_is_sought_again() -> None:
    sales_floor = capped_floor("ann", most=1).arrives("A")
    with sales_floor.messages_held():
        sales_floor.requests("claim", "ann", action_id="claim-1", queue_id="new")
        for source in map(str, range(PARTITIONS)):
            sales_floor.carry(source)
        sales_floor.wait(minutes=11)
    sales_floor.deliver()
    assert len(sales_floor.all_decisions("A", PlaceSought)) == 2
    assert sales_floor.answer_to("claim-1").result is Result.WON
    sales_floor.agree()


def test_m6_a_place_that_nobody_returns_lapses_after_an_hour() -> None:
    sales_floor = capped_floor("ann", most=1).arrives("A").arrives("B")
    with sales_floor.messages_held():
        sales_floor.of("A").requests("claim", "ann", action_id="lost", queue_id="new")
        for source in map(str, range(PARTITIONS)):
            sales_floor.carry(source)
    for lane in sales_floor.answers.values():
        lane.done = len(lane.sent)  # the lead never hears of it
    assert sales_floor.of("B").claims("ann", "new").why == "you have 1 of at most 1 open leads"
    sales_floor.wait(minutes=61)
    assert sales_floor.claims("ann", "new").result is Result.WON


def test_m6_without_the_setting_or_a_cap_nobody_asks_the_org() -> None:
    sales_floor = capped_floor("ann").arrives("A")
    sales_floor.rep("ann")
    assert sales_floor.claims("ann", "new").result is Result.WON
    sales_floor.rep("bob", max_open=0).settings().arrives("B")
    assert sales_floor.claims("bob", "new").result is Result.WON
    assert not [decision for name in "AB" for decision in sales_floor.all_decisions(name, PlaceSought)]


def test_m6_a_waiting_lead_is_offered_once_a_reserved_place_is_returned() -> None:
    sales_floor = capped_floor("ann", "bob", most=1).group("west", "ann").arrives("A")
    with sales_floor.messages_held():
        sales_floor.of("A").requests("claim", "bob", action_id="first", queue_id="new")
        sales_floor.of("A").requests("claim", "ann", action_id="second", queue_id="new")
        for source in map(str, range(PARTITIONS)):
            sales_floor.carry(source, 2)
        sales_floor.comes("W")
        sales_floor.carry(ARRIVALS)
    sales_floor.deliver()
    assert sales_floor.answer_to("second").result is Result.LOST
    assert sales_floor.lead_of("W").owner == "ann"
    sales_floor.agree()


LEADS: Final = tuple(f"A-{number}" for number in range(7))
REPS: Final = ("ann", "bob")
MAX_OPEN: Final = 2
ACTS: Final[list[tuple[str, dict[str, Any]]]] = [
    ("claim", {"queue_id": "new"}),
    ("claim", {"queue_id": "new"}),
    ("claim", {}),
    ("accept", {}),
    ("press_one", {}),
    ("decline", {}),
    ("view", {}),
    ("claim_now", {}),
    ("callback", {"timed": True}),
    ("release", {}),
    ("outcome", {"outcome": "closed_lost"}),
    ("outcome", {"outcome": "no answer"}),
]
MOVES: Final[list[tuple[str, dict[str, Any]]]] = [
    *(("assign", {"to_rep_id": rep_id}) for rep_id in REPS),
    *(("reassign", {"to_rep_id": rep_id, "why": "to share"}) for rep_id in REPS),
    ("assign", {"to_rep_id": "ann", "override_cap": True, "why": "she asked"}),
    ("reassign", {"to_rep_id": "bob", "override_cap": True, "why": "he asked"}),
    ("unassign", {"why": "back"}),
    ("redistribute", {}),
    ("reopen_claimable", {}),
]


class CapsHold(RuleBasedStateMachine):
    """Two reps with a fixed cap, and messages between leads and org that arrive late, repeatedly and in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.sales_floor = capped_floor(*REPS, most=MAX_OPEN)
        self.actions: list[tuple[str, str, str, dict[str, Any]]] = []

    @initialize()
    def begin(self) -> None:
        self.sales_floor.group("west", *REPS, claim_window_seconds=300)
        self.sales_floor.group("shotgun", *REPS, method="ring_all", ring_seconds=60)
        for name in LEADS[:4]:
            self.sales_floor.arrives(name)
        self.sales_floor.prompt = False

    @rule(name=st.sampled_from(LEADS), through=st.sampled_from(["west", "shotgun", None, None]))
    def comes(self, name: str, through: str | None) -> None:
        self.sales_floor.arrives(name, campaign=through)

    @rule(names=st.sets(st.sampled_from(LEADS), min_size=2), rep_id=st.sampled_from(REPS))
    def claims_at_once(self, names: set[str], rep_id: str) -> None:
        for name in sorted(names):
            self.requests(name, "claim", rep_id, {"queue_id": "new"})

    @rule()
    def everything_arrives(self) -> None:
        self.sales_floor.deliver()

    @rule(name=st.sampled_from(LEADS), rep_id=st.sampled_from(REPS), act=st.sampled_from(ACTS))
    def acts(self, name: str, rep_id: str, act: tuple[str, dict[str, Any]]) -> None:
        fields = {"at": self.sales_floor.now} if act[1].get("timed") else act[1]
        self.requests(name, act[0], rep_id, fields)

    @rule(name=st.sampled_from(LEADS), move=st.sampled_from(MOVES))
    def manages(self, name: str, move: tuple[str, dict[str, Any]]) -> None:
        self.requests(name, move[0], "ada", move[1])

    @rule(data=st.data())
    def repeats(self, data: st.DataObject) -> None:
        """Somebody sends an action again, with the same id (X4)."""
        if self.actions:
            number = data.draw(st.integers(0, len(self.actions) - 1))
            name, action, rep_id, fields = self.actions[number]
            self.sales_floor.of(name).requests(action, rep_id, action_id=f"act-{number}", **fields)

    def requests(self, name: str, action: str, rep_id: str, fields: dict[str, Any]) -> None:
        self.actions.append((name, action, rep_id, fields))
        self.sales_floor.of(name).requests(action, rep_id, action_id=f"act-{len(self.actions) - 1}", **fields)

    @rule(
        source=st.sampled_from([NEWS, ARRIVALS, *map(str, range(PARTITIONS))]),
        most=st.sampled_from([1, 2, 9]),
    )
    def requests_arrive(self, source: str, most: int) -> None:
        self.sales_floor.carry(source, most)

    @rule(partition=st.sampled_from([*map(str, range(PARTITIONS))]), most=st.sampled_from([1, 2, 9]))
    def answers_arrive(self, partition: str, most: int) -> None:
        self.sales_floor.answer(partition, most)

    @rule(source=st.sampled_from([*map(str, range(PARTITIONS))]), steps=st.integers(1, 20))
    def relays_begin_again(self, source: str, steps: int) -> None:
        self.sales_floor.org_messages[source].rewind(steps)
        self.sales_floor.answers[source].rewind(steps)

    @rule(compacted=st.booleans())
    def the_org_is_read_back(self, *, compacted: bool) -> None:
        self.sales_floor.restart_org(compacted=compacted)

    @rule(minutes=st.sampled_from([1, 5, 12]))
    def time_passes(self, minutes: int) -> None:
        self.sales_floor.wait(minutes=minutes)

    @rule()
    def all_is_delivered(self) -> None:
        self.sales_floor.deliver().agree()
        for number in range(len(self.actions)):
            self.sales_floor.answer_to(f"act-{number}")

    @invariant()
    def m6_nobody_has_more_open_leads_than_the_cap_allows(self) -> None:
        """Allow as many more as were given to the rep with an override and are still the rep's."""
        leads = [row.lead for row in self.sales_floor.rows.values() if row.lead is not None]
        for rep_id in REPS:
            has, overridden = 0, 0
            for lead in leads:
                if lead.owner == rep_id and lead.phase is not Phase.CLOSED:
                    has += 1
                    (*_, last) = self.sales_floor.all_decisions(lead.lead_id, OwnerChanged)
                    overridden += "cap" in last.overrides
                elif lead.open_distribution is not None and lead.open_distribution.stage in OPEN_OFFERS:
                    has += rep_id in lead.open_distribution.reps
            assert has <= MAX_OPEN + overridden, f"{rep_id} has {has} open leads"
            directory = self.sales_floor.orgs.directory(ORG)
            assert (plan := directory.rep(rep_id)) is None or plan.max_open == MAX_OPEN

    def teardown(self) -> None:
        self.sales_floor.prompt = True
        self.sales_floor.wait(days=1)
        self.all_is_delivered()


TestM6CapsHold = CapsHold.TestCase
TestM6CapsHold.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
