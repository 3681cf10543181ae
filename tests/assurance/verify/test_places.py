"""`verify` follows an action to the org, which reserves a place for it, and back (M6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from models.events import ActionRequested
from models.org_events import PlaceRequested, PlaceUnused
from models.results import Reason
from tests.assurance.verify.checking import check
from tests.assurance.verify.partition import FRESH, Partition

if TYPE_CHECKING:
    from collections.abc import Callable


def partition_with_cap(most: int = 2, leads: int = 4) -> tuple[Partition, list[str]]:
    """Return a partition with a rep whose cap holds for claims too, and leads that anybody may claim."""
    partition = Partition()
    partition.publish("settings", "settings", {"enforce_caps": True})
    for rep_id in ("rep-1", "rep-2"):
        partition.publish("rep", rep_id, {"rep_id": rep_id, "max_open": most})
    partition.publish("queue", "fresh", FRESH)
    return partition, [partition.arrive(f"A-{n}") for n in range(leads)]


def test_m6_what_the_org_decides_of_claims_is_no_finding() -> None:
    partition, leads = partition_with_cap()
    partition.halted = True
    for lead_id in leads:
        partition.ask("claim", lead_id, "rep-1", queue_id="fresh")
    partition.ask("claim", leads[0], "rep-2", queue_id="fresh")
    partition.ask("claim", leads[0], "rep-1", queue_id="fresh", cause="action-1")
    partition.halted = False
    partition.relay()
    owners = [lead.owner for lead_id in leads if (lead := partition.row(lead_id).lead)]
    assert owners == ["rep-1", "rep-1", None, None]
    assert [answer.reason for answer in partition.row(leads[3]).answers] == [Reason.AT_CAP]
    checked = check(partition)
    assert checked.codes == {}
    assert checked.known_answers.sought >= {("action-1", leads[0]), ("action-4", leads[3])}


@pytest.mark.parametrize(
    ("lost", "code"),
    [
        (lambda message: isinstance(message, PlaceRequested), "errand_lost"),
        (lambda message: isinstance(message, PlaceUnused), "errand_lost"),
        (lambda message: isinstance(message, ActionRequested), "org_answer_lost"),
    ],
)
def test_m6_a_lost_message_about_a_place_is_found(lost: Callable[[Any], bool], code: str) -> None:
    partition, leads = partition_with_cap()
    partition.halted = True
    partition.ask("claim", leads[0], "rep-1", queue_id="fresh")
    partition.ask("claim", leads[0], "rep-2", queue_id="fresh")
    partition.loses = lost
    partition.halted = False
    partition.relay()
    assert set(check(partition).codes) == {code}


def test_m6_an_org_that_forgets_the_cap_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """This includes an org that is consistently wrong."""
    monkeypatch.setattr("models.org_rows.OrgRep.open_leads", property(lambda _: 0), raising=True)
    partition, leads = partition_with_cap(most=1)
    partition.halted = True
    for lead_id in leads:
        partition.ask("claim", lead_id, "rep-1", queue_id="fresh")
    partition.halted = False
    partition.relay()
    monkeypatch.undo()
    assert check(partition).codes["over_cap"] > 0
