"""Turns are distributed fairly over any run, whoever leaves and returns (R7)."""

from collections import Counter
from datetime import timedelta
from fractions import Fraction
from itertools import combinations
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from models.offers import OfferMade, Outcome
from models.org_events import RepChange
from models.org_rows import NO_TURN, Turn
from rules.org.turn_order import SCALE, Candidate, pick, resting_after
from tests.rules.org.reference_allocator import ReferenceAllocator

TWELVE = tuple(f"rep-{n}" for n in range(12))


def rep_served(allocator: ReferenceAllocator, n: int, **facts: Any) -> str:
    """Distribute one lead: offered, claimed, closed; return who got it."""
    offer = allocator.ask(f"lead-{n}", **facts)
    assert isinstance(offer, OfferMade), offer
    allocator.claim(f"lead-{n}", offer.rep_id)
    allocator.close(f"lead-{n}")
    return offer.rep_id


def test_r7_ten_thousand_leads_and_twelve_reps_differ_by_one_at_most_at_every_lead() -> None:
    allocator = ReferenceAllocator(checked=False)
    allocator.reps(*TWELVE)
    allocator.group("west", *TWELVE)
    counts = Counter(dict.fromkeys(TWELVE, 0))
    for n in range(10_000):
        counts[rep_served(allocator, n)] += 1
        assert max(counts.values()) - min(counts.values()) <= 1


def test_r7_weights_5_1_1_are_one_from_the_exact_share_at_most_at_every_prefix() -> None:
    allocator = ReferenceAllocator(checked=False)
    weights = {"ann": 5, "bob": 1, "cyd": 1}
    allocator.reps(*weights)
    allocator.group("west", *weights.items())
    counts: Counter[str] = Counter()
    for n in range(1, 3_501):
        counts[rep_served(allocator, n)] += 1
        assert all(abs(counts[rep] - Fraction(n * w, 7)) <= 1 for rep, w in weights.items())
    assert counts == {"ann": 2_500, "bob": 500, "cyd": 500}


@settings(max_examples=150)
@given(weights=st.lists(st.integers(1, 10) | st.integers(1, 1_000), min_size=1, max_size=16))
def test_r7_any_weights_are_one_from_the_exact_share_at_most_at_every_prefix(weights: list[int]) -> None:
    line = Line(weights)
    total = sum(weights)
    counts = [0] * len(weights)
    for n in range(1, min(2 * total, 400) + 1):
        counts[line.pick(range(len(weights)))] += 1
        for count, weight in zip(counts, weights, strict=True):
            # The tolerance is a millionth, because shares by weights that do not divide SCALE are rounded.
            assert abs(count - n * weight / total) <= 1 + 1e-6


class Line:
    """Only a group with different weights."""

    def __init__(self, weights: list[int]) -> None:
        self.weights = weights
        self.turns = [NO_TURN] * len(weights)
        self.lags: dict[str, int] = {}
        self.given = 0
        self.resting: str | None = None
        self.made_up = False

    def pick(self, members: range | list[int]) -> int:
        """Give one turn to one of `members`."""
        candidates = [Candidate(str(n), self.weights[n], n, self.turns[n]) for n in members]
        choice = pick(candidates, turns=self.given, lags=self.lags, resting=self.resting)
        self.resting = resting_after(choice, self.resting)
        self.made_up = choice.owed
        self.turns[int(choice.rep_id)], self.lags = choice.turn, dict(choice.lags)
        self.given = choice.turns
        return int(choice.rep_id)


def test_r7_weights_keep_within_two_turns_of_the_share_among_who_is_there_and_no_return_is_a_flood() -> None:
    for seed in range(150):
        rng = Random(seed)
        weights = [
            rng.choice([1, rng.randint(1, 10), rng.randint(1, 100)]) for _ in range(rng.randint(2, 12))
        ]
        line, everybody = Line(weights), range(len(weights))
        present = set(everybody)
        for _ in range(400):
            if rng.random() < 0.1:
                n = rng.randrange(len(weights))
                (present.discard if n in present and len(present) > 1 else present.add)(n)
            line.pick(sorted(n for n in present if rng.random() < 0.8) or sorted(present))
            assert all(abs(lag) <= 2 * SCALE for lag in line.lags.values())
        counts: Counter[int] = Counter()
        for n in range(1, 201):
            counts[line.pick(everybody)] += 1
            assert all(abs(counts[i] - n * w / sum(weights)) <= 2 for i, w in enumerate(weights))


def test_r7_a_voided_turn_is_made_up_for_first_also_where_weights_differ() -> None:
    line = Line([3, 1])
    line.turns[1] = Turn(served=0, owed=2)
    assert [line.pick(range(2)) for _ in range(3)] == [1, 0, 1], "one at a time"
    assert line.lags == {"0": -SCALE // 4, "1": SCALE // 4}, (
        "what is made up for takes nothing of the regular order"
    )


@settings(max_examples=300)
@given(
    weights=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    owed=st.lists(st.integers(0, 6), min_size=5, max_size=5),
    absent=st.lists(st.sets(st.integers(0, 4), max_size=3), min_size=60, max_size=60),
)
def test_r7_owed_turns_are_made_up_one_at_a_time_and_leave_the_regular_order_as_it_is(
    weights: list[int], owed: list[int], absent: list[set[int]]
) -> None:
    """Against a reference without owed turns: what is left without the made up ones are its turns."""
    line, plain = Line(weights), Line(weights)
    line.turns = [Turn(served=0, owed=owed[n]) for n in range(len(weights))]
    made_up: Counter[int] = Counter()
    last, beyond = -1, 0
    for away in absent:
        present = [n for n in range(len(weights)) if n not in away] or [0]
        picked = line.pick(present)
        beyond = line.made_up + (beyond if picked == last and len(present) > 1 else 0)
        last = picked
        assert beyond <= 1 or len(present) == 1
        made_up[picked] += line.made_up
        if not line.made_up:
            assert picked == plain.pick(present), "the exact share"
        assert all(turn.owed == owed[n] - made_up[n] for n, turn in enumerate(line.turns))


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), uniform=st.booleans())
def test_r7_a_voided_rep_gets_at_most_one_turn_in_a_row_beyond_its_share(seed: int, *, uniform: bool) -> None:
    """Offers are voided at random, also together, and none is forgotten; every step is checked by the reference."""
    rng, allocator = Random(seed), ReferenceAllocator(checked=seed % 4 == 0)
    reps = TWELVE[: rng.randint(2, 5)]
    allocator.reps(*reps)
    allocator.group("west", *(reps if uniform else [(rep_id, rng.randint(1, 4)) for rep_id in reps]))
    before = ""
    beyond = 0
    open_offers: list[tuple[str, str]] = []
    for n in range(80):
        offer = allocator.ask(f"lead-{n}")
        assert isinstance(offer, OfferMade)
        made_up = "made up" in offer.why
        beyond = made_up + (beyond if offer.rep_id == before else 0)
        before = offer.rep_id
        assert beyond <= 1, "one turn in a row beyond the exact share"
        open_offers.append((f"lead-{n}", offer.rep_id))
        while len(open_offers) > 4 or (open_offers and rng.random() < 0.3):
            lead_id, rep_id = open_offers.pop(rng.randrange(len(open_offers)))
            allocator.settle(lead_id, Outcome.VOIDED if rng.random() < 0.5 else Outcome.DECLINED, rep_id)
    for n in range(200, 400):
        if not any(turn.owed for rep in allocator.state.reps.values() for turn in rep.turns.values()):
            return
        offer = allocator.ask(f"lead-{n}")
        allocator.claim(f"lead-{n}", offer.rep_id)
    raise AssertionError("an owed turn was never made up")


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_r7_whoever_is_there_throughout_differs_by_one_at_most_over_any_run(seed: int) -> None:
    """Others are absent, return, leave the roster, join it or have no licence; workers are killed in between."""
    rng, allocator = Random(seed), ReferenceAllocator(checked=False)
    reps = TWELVE[:6]
    allocator.reps(*reps)
    roster = set(reps)
    allocator.group("west", *sorted(roster))
    absent: set[str] = set()
    unlicensed: set[str] = set()
    since: dict[str, int] = dict.fromkeys(reps, 0)
    log: list[str] = []

    def changed(rep_id: str) -> None:
        since[rep_id] = len(log)

    for n in range(150):
        match rng.randrange(12):
            case 0:
                rep_id = rng.choice(reps)
                was_absent = rep_id in absent
                allocator.changes(rep_id, RepChange.RETURNED if was_absent else RepChange.ABSENT)
                (absent.remove if was_absent else absent.add)(rep_id)
                changed(rep_id)
            case 1:
                rep_id = rng.choice(reps)
                (roster.remove if rep_id in roster and len(roster) > 2 else roster.add)(rep_id)
                allocator.group("west", *sorted(roster, key=lambda _: rng.random()))
                changed(rep_id)
            case 2:
                rep_id = rng.choice(reps)
                licensed = rep_id in unlicensed
                allocator.rep(rep_id, licensed_states=["RI", "TX"] if licensed else ["TX"])
                (unlicensed.remove if licensed else unlicensed.add)(rep_id)
                changed(rep_id)
            case 3:
                allocator.restart(rng)
        if not roster - absent - unlicensed:
            continue
        log.append(rep_served(allocator, n))
        present = sorted(roster - absent - unlicensed)
        for first, other in combinations(present, 2):
            run = log[max(since[first], since[other]) :]
            difference = low = high = 0
            for rep_id in run:
                difference += (rep_id == first) - (rep_id == other)
                low, high = min(low, difference), max(high, difference)
            assert high - low <= 1, "over any part of the run"


def test_r7_who_is_passed_over_keeps_its_turn_and_is_not_flooded_after() -> None:
    allocator = ReferenceAllocator()
    allocator.rep("ann", licensed_states=["RI"])
    allocator.reps("bob", "cyd")
    allocator.group("west", "ann", "bob", "cyd")
    served = [rep_served(allocator, n, state="TX") for n in range(20)]
    assert served == ["bob", "cyd"] * 10
    offer = allocator.ask("lead-20", state="TX")
    assert [(candidate.rep_id, candidate.why) for candidate in offer.passed] == [
        ("ann", "not licensed in TX")
    ]
    allocator.claim("lead-20", offer.rep_id)
    assert [rep_served(allocator, n) for n in range(21, 28)] == [
        "ann",
        "cyd",
        "bob",
        "ann",
        "cyd",
        "bob",
        "ann",
    ]


def test_r7_a_timeout_and_a_decline_use_up_the_turn_and_a_void_does_not() -> None:
    allocator = ReferenceAllocator()
    allocator.reps("ann", "bob", "cyd")
    allocator.group("west", "ann", "bob", "cyd")
    for n, (outcome, rep_id) in enumerate(
        [
            (Outcome.TIMEOUT, "ann"),
            (Outcome.DECLINED, "bob"),
            (Outcome.VOIDED, "cyd"),
            (Outcome.CLAIMED, "cyd"),
            (Outcome.CLAIMED, "ann"),
        ]
    ):
        offer = allocator.ask(f"lead-{n}")
        assert offer.rep_id == rep_id
        allocator.settle(f"lead-{n}", outcome, rep_id)
    assert allocator.state.reps["cyd"].held == 1


def test_r7_voids_that_come_late_and_together_are_all_made_up_for() -> None:
    allocator, rng = ReferenceAllocator(checked=False), Random(7)
    reps = TWELVE[:5]
    allocator.reps(*reps)
    allocator.group("west", *reps)
    counts: Counter[str] = Counter()
    offered: list[tuple[str, str]] = []
    for n in range(1_500):
        offer = allocator.ask(f"lead-{n}")
        counts[offer.rep_id] += 1
        offered.append((f"lead-{n}", offer.rep_id))
        if len(offered) > 20:
            lead_id, rep_id = offered.pop(rng.randrange(len(offered)))
            if rng.random() < 0.3:
                counts[rep_id] -= 1
                allocator.settle(lead_id, Outcome.VOIDED, rep_id)
            else:
                allocator.claim(lead_id, rep_id)
        owed = any(turn.owed for rep in allocator.state.reps.values() for turn in rep.turns.values())
        assert owed or max(counts.values()) - min(counts[rep] for rep in reps) <= 1


def test_r7_the_turn_survives_the_removal_of_its_holder_and_a_new_one_joins_at_its_head() -> None:
    allocator = ReferenceAllocator()
    allocator.reps("ann", "bob", "cyd", "dee")
    allocator.group("west", "ann", "bob", "cyd")
    assert [rep_served(allocator, n) for n in range(2)] == ["ann", "bob"]
    allocator.group("west", "ann", "bob")
    assert [rep_served(allocator, n) for n in range(2, 5)] == ["ann", "bob", "ann"]
    allocator.group("west", "ann", "bob", "cyd", "dee")
    assert [rep_served(allocator, n) for n in range(5, 10)] == ["cyd", "dee", "bob", "ann", "cyd"]


def test_r7_who_returns_gets_one_and_then_waits_like_the_others() -> None:
    allocator = ReferenceAllocator()
    allocator.reps("ann", "bob", "cyd")
    allocator.group("west", "ann", "bob", "cyd")
    allocator.changes("ann", RepChange.ABSENT, allocator.now + timedelta(hours=2))
    assert [rep_served(allocator, n) for n in range(10)] == ["bob", "cyd"] * 5
    allocator.advance(timedelta(hours=2))
    assert [rep_served(allocator, n) for n in range(10, 16)] == ["ann", "bob", "cyd"] * 2


def test_r1_with_round_robin_off_number_one_of_the_roster_gets_everything_for_good() -> None:
    allocator = ReferenceAllocator()
    allocator.rep("ann", max_open=2)
    allocator.reps("bob")
    allocator.group("west", "ann", "bob", claim_window_seconds=900)
    allocator.publish("settings", "settings", {"round_robin": False})
    offers = [allocator.ask(f"lead-{n}") for n in range(3)]
    assert [offer.rep_id for offer in offers] == ["ann", "ann", "bob"]
    assert {(offer.method, offer.window_seconds, offer.due) for offer in offers} == {("roster", None, None)}
