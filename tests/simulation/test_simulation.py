"""Crashes, zombies, repeats and late timers do not change the result: it is that of one reader of each log.

More than a hundred seeded schedules run the production code of leads, orgs and both relays on a simulated broker (Q8,
D2, X3, X4, X7). Further tests remove one safeguard each and check that some schedule fails. This shows that the
schedules exercise the safeguards.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from msgspec.structs import replace

from agents.published_watermark import PublishedWatermark
from agents.watermarks import Watermarks
from models.codec import decode_org_record
from models.errors import PermanentError
from models.lead import LeadRow, Row
from models.org_decisions import OrgStep
from rules.lead import arrivals, distribution, lead_partition, machine
from rules.lead.lead_partition import LeadPartition
from rules.org.org_partition import OrgPartition
from streams.receipts import Receipt
from streams.topics import ASSIGNMENTS, LEAD_JOURNAL, ORG_JOURNAL
from tests.simulation import steps
from tests.simulation.broker import Outbox, partition_of
from tests.simulation.cluster import CLOCKS, ORG_PARTITION, Cluster
from tests.simulation.run import failure, find, run
from tests.simulation.schedule import schedule
from tests.simulation.steps import Schedule

SEEDS = 120
"""Three times as many as any missing safeguard needs: of the fifteen below, one is noticed by schedule 37, none later.
`python -m tests.simulation.run` runs more."""
LENGTH = 300
ENOUGH = 300
"""This number of seeds is enough to find what any missing safeguard breaks."""


BrokenRecord = Callable[[pytest.MonkeyPatch], None]
"""A function that removes one safeguard."""


@pytest.fixture(autouse=True)
def _silent_log() -> Iterator[None]:
    """Silence the log of dropped rows, because there are thousands here."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.mark.parametrize("first", range(0, SEEDS, 40))
def test_q8_x3_x4_x7_whatever_dies_the_end_is_that_of_one_reader(first: int) -> None:
    """Nothing is lost or invented; there is one owner and one answer; versions only grow; every deadline is handled."""
    for seed in range(first, first + 40):
        run(schedule(seed, LENGTH))


def _without_replay_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lead_partition, "is_replay", lambda _row, _off: False)


def _without_row_guard(patch: pytest.MonkeyPatch) -> None:
    def apply(leads: LeadPartition, key: bytes, row: Row, _: bytes | None = None) -> bool:
        former = leads.rows.get(key)
        leads.rows[key] = replace(row, decisions=()) if isinstance(row, LeadRow) else row
        leads._index(key, former, row)
        return True

    patch.setattr(LeadPartition, "apply", apply)


def _without_watermark_rule(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Watermarks, "advance", lambda _marks, _partition, _offset, _off: True)


def _with_watermarks_ahead_of_their_offsets(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Watermarks, "at", lambda marks, partition, _offset: marks.highest.get(partition, -1))


def _without_a_look_at_what_is_public(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PublishedWatermark, "has", lambda *_: False)


def _with_acks_before_durability(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Receipt, "expect", lambda _receipt: None)


def _without_the_orgs_watermarks(patch: pytest.MonkeyPatch) -> None:
    real = OrgPartition.apply

    def apply(orgs: OrgPartition, record: Any) -> bool:
        return real(orgs, replace(record, source_number=-1) if isinstance(record, OrgStep) else record)

    patch.setattr(OrgPartition, "apply", apply)


def _without_the_orgs_row_guard(patch: pytest.MonkeyPatch) -> None:
    real = OrgPartition.apply

    def apply(orgs: OrgPartition, record: Any) -> bool:
        orgs.highest = min(orgs.highest, record.off)
        return real(orgs, record)

    patch.setattr(OrgPartition, "apply", apply)


def _with_rows_that_land_apart(patch: pytest.MonkeyPatch) -> None:
    def add_together(outbox: Outbox, topic: str, partition: int, records: Any, *, receipt: Any) -> None:
        for key, value in records:
            outbox.add(topic, partition, key=key, value=value, receipt=receipt)

    patch.setattr(Outbox, "add_together", add_together)


def _without_the_epoch_of_an_answer(patch: pytest.MonkeyPatch) -> None:
    real = distribution.apply_answer

    def hear(turn: Any, answer: Any) -> Any:
        distribution = turn.lead.open_distribution
        return real(turn, answer if distribution is None else replace(answer, epoch=distribution.epoch))

    patch.setattr(machine, "apply_answer", hear)


def _without_the_place_of_an_arrival(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(arrivals, "_repeated", lambda *_: None)


def _with_deadlines_that_are_due_once(kind: type[LeadPartition] | type[OrgPartition]) -> BrokenRecord:
    def broken(patch: pytest.MonkeyPatch) -> None:
        real = kind.due

        def due(partition: Any, now: float, most: int) -> list[Any]:
            events = real(partition, now, most)
            partition.deadlines._handed_out.clear()
            return events

        patch.setattr(kind, "due", due)

    return broken


_with_lead_deadlines_that_are_due_once = _with_deadlines_that_are_due_once(LeadPartition)
_with_org_deadlines_that_are_due_once = _with_deadlines_that_are_due_once(OrgPartition)


def _without_kept_answers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(machine, "ANSWERS_KEPT", 1)


def _with_the_workers_clock(patch: pytest.MonkeyPatch) -> None:
    real, ticks = machine.step, iter(range(1_000_000_000))

    def step(row: LeadRow | None, event: Any, *, at: Any, **more: Any) -> LeadRow:
        return real(row, event, at=at.replace(microsecond=next(ticks) % 1_000), **more)

    patch.setattr(lead_partition, "step", step)


def _with_sweeps_that_see_only_placements(patch: pytest.MonkeyPatch) -> None:
    def is_stale(lead: Any, rules: Any, now: Any) -> bool:
        return bool(rules.evaluate(lead, now).sort_keys.keys() != lead.placements.keys())

    patch.setattr(lead_partition, "is_stale", is_stale)


@pytest.mark.parametrize(
    "broken",
    [
        _without_replay_check,
        _without_row_guard,
        _without_watermark_rule,
        _with_watermarks_ahead_of_their_offsets,
        _without_a_look_at_what_is_public,
        _with_acks_before_durability,
        _with_lead_deadlines_that_are_due_once,
        _without_kept_answers,
        _with_the_workers_clock,
        _with_sweeps_that_see_only_placements,
        _without_the_orgs_watermarks,
        _without_the_orgs_row_guard,
        _with_rows_that_land_apart,
        _without_the_epoch_of_an_answer,
        _without_the_place_of_an_arrival,
    ],
)
def test_x4_x7_each_safeguard_is_needed_and_its_loss_is_noticed(
    broken: BrokenRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    failing = find(range(ENOUGH), LENGTH)
    assert failing is not None
    assert failing[1].startswith("AssertionError: "), (
        "it fails by a promise that is broken, not by the way we broke it"
    )


def test_x4_a_zombie_that_writes_old_rows_behind_the_new_owner_changes_nothing() -> None:
    """The first claim is decided by the stopped worker and by its successor, and the zombie's record lands last."""
    cluster = Cluster()
    partition = partition_of(b"lead-1")
    first = partition % steps.WORKERS
    claim = {"queue_id": "new"}
    script: list[steps.Step] = [
        steps.Publish("queue", "new", {"claimable": True}),
        steps.Deliver(partition, steps.MAX_EVENTS),
        steps.Arrive("lead-1", {}),
        *[steps.Flow(steps.MAX_EVENTS)] * 2,
        steps.Act("lead-1", "rep-7", "claim", claim),
        steps.Poll(first, partition, steps.MAX_EVENTS),
        steps.Freeze(first),
        steps.Rebalance(0),
    ]
    for step in script:
        cluster.take(step)
    (second,) = (
        number
        for number, worker in enumerate(cluster.workers)
        if partition in worker.owned and number != first
    )
    for step in (
        steps.Act("lead-1", "rep-9", "claim", claim),
        steps.Poll(second, partition, steps.MAX_EVENTS),
        steps.Land(second, steps.MAX_EVENTS),
        steps.Commit(second),
        steps.Relay(partition, steps.MAX_EVENTS, steps.MAX_EVENTS, commit=True),
        steps.Thaw(first),
        steps.Land(first, steps.MAX_EVENTS),
        steps.Relay(partition, steps.MAX_EVENTS, steps.MAX_EVENTS, commit=True),
    ):
        cluster.take(step)
    journal = cluster.broker.logs[LEAD_JOURNAL, partition]
    assert [record.value for record in journal].count(journal[-1].value) == 2
    assert len(cluster.broker.logs[ASSIGNMENTS, partition]) == 1
    cluster.rest()
    run((), cluster)


def test_e1_x7_a_decision_too_large_to_be_written_is_refused_and_the_lead_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The event still has its record, and the org does not change."""
    real = Outbox.add_together

    def add_together(outbox: Outbox, topic: str, partition: int, records: Any, *, receipt: Any) -> None:
        if any(b'"no_rep_available"' in value and b'"unknown"' in value for _, value in records):
            raise PermanentError("record_too_large", "600000 bytes in 1 records, more than a batch takes")
        real(outbox, topic, partition, records, receipt=receipt)

    monkeypatch.setattr(Outbox, "add_together", add_together)
    cluster = Cluster()
    cluster.run(
        (
            steps.Publish("group", "west", {"method": "round_robin", "members": [{"rep_id": "nobody"}]}),
            steps.Publish("campaign", "west", {"group_id": "west"}),
            *(steps.Deliver(lane, steps.MAX_EVENTS) for lane in range(steps.ORG_LANE + 1)),
            steps.Arrive("lead-1", {"campaign": "west"}),
        )
    )
    row = cluster.workers[partition_of(b"lead-1")].rows.of(partition_of(b"lead-1")).rows[b"lead-1"]
    assert isinstance(row, LeadRow)
    assert row.lead is not None
    assert row.lead.open_exception is not None
    assert row.lead.open_exception.reason == "fatal_error"
    assert "600000 bytes" in row.lead.open_exception.explanation[0]["why"]
    (head,) = (
        decode_org_record(record.value or b"")
        for record in cluster.broker.logs[ORG_JOURNAL, ORG_PARTITION]
        if b'"fatal_error"' in (record.value or b"")
    )
    assert isinstance(head, OrgStep)


def _a_wake_by_a_fast_clock() -> Schedule:
    """Return a scenario: a lead waits for its only rep's next day, and the clock of the worker in charge is fast."""
    return (
        steps.Publish("rep", "rep-7", {"max_per_day": 0}),
        steps.Publish("rep", "rep-3", {"max_per_day": 1}),
        steps.Publish("group", "west", {"method": "round_robin", "members": [{"rep_id": "rep-3"}]}),
        steps.Publish("campaign", "west", {"group_id": "west"}),
        *(steps.Deliver(lane, steps.MAX_EVENTS) for lane in range(steps.ORG_LANE + 1)),
        steps.Rebalance((CLOCKS.index(max(CLOCKS)) - ORG_PARTITION) % steps.WORKERS),
        steps.Arrive("lead-1", {"campaign": "west"}),
        steps.Arrive("lead-2", {"campaign": "west"}),
        *[steps.Flow(steps.MAX_EVENTS)] * 4,
        steps.Dawn(0.5),
        *(steps.Fire(worker) for worker in range(steps.WORKERS)),
        *[steps.Flow(steps.MAX_EVENTS)] * 4,
    )


def test_r9_x3_a_wake_that_a_fast_clock_tells_too_early_is_told_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(_a_wake_by_a_fast_clock())
    _with_org_deadlines_that_are_due_once(monkeypatch)
    problem = failure(_a_wake_by_a_fast_clock())
    assert problem is not None
    assert "waits for an instant that is over" in problem
