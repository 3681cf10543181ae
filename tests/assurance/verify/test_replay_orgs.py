"""Every contradiction between an org's log and its journal is found, each with its own code."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec.structs import replace as changed

from models.codec import OrgRecord, decode_org_record, encode_org_record
from models.events import OrgAnswered
from models.lead import Phase
from models.org_decisions import OrgRowKept, OrgStep
from models.org_events import RepChange, RepChanged, RepRequested
from models.org_rows import OrgRep
from rules.lead import machine as lead_machine
from rules.org import capacity, eligibility, machine
from streams.topics import LEAD_LOG, ORG_JOURNAL, ORG_LOG
from tests.assurance.verify.checking import check
from tests.assurance.verify.records import Record, ms
from tests.assurance.verify.working import (
    distributed_partition,
    partition_with_offer,
    partition_with_reps,
    rep,
    run_until_quiet,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.assurance.verify.partition import Partition


def change_record(
    partition: Partition, kind: type[Any], change: Callable[[Any], OrgRecord], n: int = -1
) -> None:
    """Change one of the journal's records of a kind: the last one, or the n-th."""
    journal = partition.org.journal
    records = [
        (at, record)
        for at, record in enumerate(
            map(decode_org_record, (journal_record.value or b"" for journal_record in journal))
        )
        if isinstance(record, kind) or (isinstance(record, OrgRowKept) and isinstance(record.value, kind))
    ]
    at, record = records[n]
    journal[at] = replace(journal[at], value=encode_org_record(change(record)))


def in_kept_row(change: Callable[[Any], Any]) -> Callable[[OrgRowKept], OrgRowKept]:
    """Turn a change of a row into a change of its record."""
    return lambda record: changed(record, value=change(record.value))


# -- what is as it should be -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_r9_leads_and_orgs_agree_whatever_happens(seed: int) -> None:
    partition = distributed_partition(30, seed)
    checked = check(partition)
    assert checked.codes == {}
    assert len(checked.journal_facts.arrived) == len(checked.journal_facts.leads) == 30
    assert checked.journal_facts.org_events["rep_requested"] > 20


def test_x2_a_lead_closed_while_its_owner_leaves_stays_closed() -> None:
    partition = partition_with_reps()
    lead_id = partition.arrive("A-1", campaign="list")
    partition.halted = True
    partition.ask("outcome", lead_id, "rep-2", outcome="closed_won")
    partition.publish("rep", "rep-2", rep("rep-2", active=False))
    run_until_quiet(partition)
    lead = partition.row(lead_id).lead
    assert lead is not None
    assert (lead.phase, lead.owner) == (Phase.CLOSED, "rep-2")
    assert check(partition).codes == {}


def test_x4_what_a_relay_repeats_is_no_finding() -> None:
    partition, _ = partition_with_offer()
    repeatable = [record for record in partition.org.log if record.headers]
    for record in repeatable:
        event = msgspec.json.decode(record.value or b"", type=RepRequested)
        assert partition.org.tell(event, partition.now, record.headers) == []
    answer = next(record for record in partition.log if b"org_answered" in (record.value or b""))
    partition.tell(msgspec.json.decode(answer.value or b"", type=OrgAnswered))
    assert check(partition).codes == {}


def test_a_repeat_of_a_zombie_is_no_finding_unless_it_says_something_else() -> None:
    partition, _ = partition_with_offer()
    off = decode_org_record(partition.org.journal[-1].value or b"").off
    last = [record for record in partition.org.journal if decode_org_record(record.value or b"").off == off]
    for record in last:
        partition.append(ORG_JOURNAL, record)
    assert check(partition).codes == {}
    change_record(partition, OrgStep, lambda step: changed(step, cause="something else"))
    assert check(partition).codes == {"repeat_differs": 1}


def test_what_is_older_than_a_day_is_taken_as_compaction_left_it() -> None:
    """Only the newest record of each key is left. The rows give the same orgs, and waiting leads keep their places."""
    partition = distributed_partition(30, seed=3)
    partition.publish("group", "nobody", {"group_id": "nobody", "method": "round_robin", "members": []})
    newest = {record.key: record.offset for record in partition.org.journal}
    partition.org.journal[:] = [
        record for record in partition.org.journal if newest[record.key] == record.offset
    ]
    partition.now += timedelta(days=2)
    for n in range(5):
        partition.arrive(f"B-{n}", campaign="turns")
    checked = check(partition)
    overdue = {"deadline_overdue", "wake_overdue"}  # no timer ran for two days
    assert {code: n for code, n in checked.codes.items() if code not in overdue} == {}


@pytest.mark.parametrize("topic", [ORG_LOG, ORG_JOURNAL, LEAD_LOG])
def test_what_came_after_the_snapshot_may_be_on_its_way(topic: str) -> None:
    """This holds for every message that the other side has not received yet."""
    partition, _ = partition_with_offer()
    partition.arrive("A-2", campaign="ring")
    snapshot = partition.snapshot()
    partition.halted = True
    partition.arrive("A-3", campaign="turns")
    (request,) = partition.on_way
    partition.on_way.clear()
    event = msgspec.json.decode(request.value, type=RepRequested)  # type: ignore[union-attr]
    if topic != LEAD_LOG:
        answers = partition.org.tell(event, partition.now, tuple(request.headers))  # type: ignore[union-attr]
        assert len(answers) == 1
    if topic == ORG_LOG:
        off = len(partition.org.log) - 1
        partition.org.journal[:] = [
            record for record in partition.org.journal if decode_org_record(record.value or b"").off < off
        ]
    assert check(partition, snapshot).codes == {}


# -- log and journal of an org -----------------------------------------------------------------------------------------


def test_an_event_that_was_never_decided_is_found() -> None:
    partition, _ = partition_with_offer()
    partition.tell_org(RepChanged(cause="away", rep_id="rep-4", change=RepChange.ABSENT))
    off = len(partition.org.log) - 1
    journal = partition.org.journal
    journal[:] = [record for record in journal if decode_org_record(record.value or b"").off < off]
    assert check(partition).codes == {"org_event_without_record": 1}


def test_a_step_behind_that_of_a_later_event_is_found() -> None:
    """Readers skip it, so for them it does not exist."""
    partition, _ = partition_with_offer()
    partition.tell_org(RepChanged(cause="x", rep_id="boss", change=RepChange.RETURNED))
    partition.tell_org(RepChanged(cause="y", rep_id="boss", change=RepChange.RETURNED))
    journal = partition.org.journal
    offs = [decode_org_record(record.value or b"").off for record in journal]
    late, last = ([r for r, off in zip(journal, offs, strict=True) if off == max(offs) - n] for n in (1, 0))
    before = [r for r, off in zip(journal, offs, strict=True) if off < max(offs) - 1]
    journal[:] = [replace(record, offset=n) for n, record in enumerate([*before, *last, *late])]
    assert check(partition).codes == {"org_event_without_record": 1, "record_late": 1}


def test_a_record_nothing_in_the_log_explains_is_found() -> None:
    partition, _ = partition_with_offer()
    step = OrgStep(off=99, org="default", at=partition.now, cause="x")
    value = encode_org_record(step)
    partition.append(ORG_JOURNAL, Record(ORG_JOURNAL, 0, b"default/step/", value, ms(partition.now)))
    assert check(partition).codes == {"org_record_without_event": 1}


@pytest.mark.parametrize("n", [-1, -2])
def test_an_unreadable_record_is_found(n: int) -> None:
    """The other records of its event still count."""
    partition, _ = partition_with_offer()
    partition.org.journal[n] = replace(partition.org.journal[n], value=b'{"row": "org_kept"}')
    assert check(partition).codes == {"record_unreadable": 1}


def test_an_event_under_a_strange_key_is_a_dead_letter_and_no_finding_here() -> None:
    partition, _ = partition_with_offer()
    partition.append(ORG_LOG, replace(partition.org.log[-1], key=b"other"))
    assert check(partition).codes == {}


def test_r9_another_reason_than_the_org_gave_is_found() -> None:
    partition, _ = partition_with_offer()
    change_record(
        partition,
        OrgStep,
        lambda step: changed(step, decisions=(changed(step.decisions[0], why="it was my friend"),)),
    )
    codes = check(partition).codes
    assert codes.pop("org_answer_differs") == 1  # the lead got the true one
    assert codes == {"org_journal_contradicts_log": 1}


def test_r7_a_turn_the_log_does_not_give_is_found() -> None:
    partition, _ = partition_with_offer()
    change_record(partition, OrgRep, in_kept_row(lambda row: changed(row, turns={})))
    assert check(partition).codes == {"org_journal_contradicts_log": 1}


def test_a_row_that_is_missing_is_found() -> None:
    partition, _ = partition_with_offer()
    del partition.org.journal[-2]  # the group's counters
    assert check(partition).codes == {"org_journal_contradicts_log": 1}


def test_x3_an_org_whose_clock_stands_still_is_found_after_a_grace() -> None:
    partition = partition_with_reps()
    for n in range(3):
        partition.arrive(
            f"A-{n}", campaign="ring"
        )  # the second one waits and does not look for a rep by itself
    until = partition.now + timedelta(minutes=3)
    for rep_id in ("rep-3", "rep-4"):
        partition.tell_org(RepChanged(cause="x", rep_id=rep_id, change=RepChange.ABSENT, until=until))
    lead_id = partition.arrive("B-1", campaign="night")
    assert check(partition).codes == {}
    partition.now = until + timedelta(seconds=11)
    codes = check(partition).codes
    assert codes.pop("deadline_overdue") == 1
    assert codes.pop("wake_overdue") >= 1
    assert codes == {}
    run_until_quiet(partition)
    assert check(partition).codes == {}
    assert lead_id in check(partition).journal_facts.leads


# -- who has what in hand ----------------------------------------------------------------------------------------------


def test_r9_a_cap_that_the_machine_forgets_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """This includes a machine that is consistently wrong."""

    def never_busy(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(eligibility, "unavailable", never_busy)
    partition = partition_with_reps()
    for n in range(12):
        partition.arrive(f"A-{n}", campaign="turns")
    checked = check(partition)
    assert checked.codes == {"over_cap": 1}
    assert checked.findings.found[0].details["rep"] == "default/rep-1"
    partition.publish("rep", "rep-2", rep("rep-2", max_per_day=1))
    for n in range(4):
        partition.arrive(f"B-{n}", campaign="turns")
    assert check(partition).codes == {"over_cap": 3}


def test_s4_two_leads_that_ring_with_one_rep_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def never_busy(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(eligibility, "unavailable", never_busy)
    partition = partition_with_reps()
    partition.publish("rep", "rep-1", {"rep_id": "rep-1"})
    for n in range(2):
        partition.arrive(f"A-{n}", campaign="ring")
    assert check(partition).codes == {"rings_twice": 3}


def test_r9_a_count_that_forgets_a_lead_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    return_capacity = capacity.return_capacity

    def forgetful(draft: Any, lead: Any, hold: Any, why: str, *, voided: bool) -> None:
        return_capacity(draft, lead, hold, why, voided=voided)
        draft.change_rep(hold.rep_id, offered=draft.rep(hold.rep_id).offered + 1)

    monkeypatch.setattr(capacity, "return_capacity", forgetful)
    partition, lead_id = partition_with_offer()
    partition.pass_deadline(lead_id)
    assert check(partition).codes == {"org_count_wrong": 1}


def test_m5_a_waiting_lead_that_a_change_does_not_offer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("start_review", "refill"):
        monkeypatch.setattr(machine, name, lambda *_args, **_more: None)
    partition = partition_with_reps()
    for rep_id in ("rep-2", "rep-3"):
        partition.publish("rep", rep_id, rep(rep_id, licensed_states=[]))
    lead_id = partition.arrive("A-1", campaign="list")
    assert check(partition).codes == {}, "nobody may have it"
    partition.publish("rep", "rep-2", rep("rep-2", licensed_states=["RI"]))
    checked = check(partition)
    assert checked.codes == {"lead_unoffered": 1}
    assert checked.findings.found[0].lead_id == lead_id


def test_m5_a_waiting_lead_whose_campaign_gets_a_group_that_is_not_asked_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lead_machine, "ask_again", lambda _: None)
    partition = partition_with_reps()
    lead_id = partition.arrive("A-1", campaign="new", loan_purpose="construction")
    assert check(partition).codes == {}
    partition.publish("campaign", "new", {"campaign_id": "new", "group_id": "turns"})
    assert check(partition).codes == {}, "it is being told"
    partition.now += timedelta(seconds=11)
    checked = check(partition)
    assert checked.codes == {"lead_unasked": 1}
    assert checked.findings.found[0].lead_id == lead_id


def test_r9_a_rep_without_a_row_that_has_a_lead_is_found() -> None:
    partition, _ = partition_with_offer()
    journal = partition.org.journal
    n = next(
        n
        for n, record in enumerate(journal)
        if (record.key or b"").endswith(b"rep/rep-1") and b"offered" in (record.value or b"")
    )
    del journal[n]
    rows = [n for n, record in enumerate(journal) if (record.key or b"").endswith(b"rep/rep-1")]
    codes = check(partition).codes
    assert rows
    assert codes == {"org_journal_contradicts_log": 1, "org_count_wrong": 1}
