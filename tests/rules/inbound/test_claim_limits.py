"""Claims of one rep within 60 seconds are counted at the intake, and those beyond the org's limit are marked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from models.events import ActionRequested, DirectoryPublished
from rules.inbound import claim_limits
from rules.inbound.claim_limits import ClaimLimits
from rules.inbound.publication import check

START: Final = datetime(2026, 11, 20, 14, 12, tzinfo=UTC)


def publication(
    kind: str, version: int, value: dict[str, Any] | None, org: str = "default"
) -> DirectoryPublished:
    """Return a publication."""
    return DirectoryPublished(
        lead_id="", cause="p", org=org, kind=kind, object_id="x", version=version, value=value
    )


def claim(n: int, rep_id: str = "rep-1", action: str = "claim", org: str = "default") -> ActionRequested:
    """Return a claim with the id `n`."""
    return ActionRequested(lead_id=f"lead-{n}", cause=f"c-{n}", action=action, rep_id=rep_id, org=org)


@pytest.fixture
def limits() -> ClaimLimits:
    """Return limits of an org that allows three claims a minute."""
    claim_limits = ClaimLimits()
    claim_limits.publish(publication("settings", 5, {"claims_per_minute": 3}))
    return claim_limits


def test_a_fourth_claim_within_a_minute_says_when_it_may_be_tried_again(limits: ClaimLimits) -> None:
    """Nothing bounded how fast a program claimed everything in a rep's name."""
    for n in range(3):
        assert limits.checked(claim(n), START + timedelta(seconds=n)).over_limit is None
    fourth = limits.checked(claim(3), START + timedelta(seconds=59))
    assert fourth.over_limit == (
        "rep-1 has claimed 3 leads within a minute, and 3 are allowed; try again at 2026-11-20T14:13:00+00:00"
    )
    assert limits.checked(claim(4), START + timedelta(seconds=60)).over_limit is None
    assert limits.checked(claim(5), START + timedelta(seconds=60)).over_limit is not None


def test_x4_a_repeat_is_neither_counted_nor_refused(limits: ClaimLimits) -> None:
    for _ in range(10):
        assert limits.checked(claim(1), START).over_limit is None
    assert limits.checked(claim(2), START).over_limit is None


def test_other_reps_other_actions_and_other_orgs_do_not_count(limits: ClaimLimits) -> None:
    for n in range(10):
        assert limits.checked(claim(n, rep_id=f"rep-{n}"), START).over_limit is None
        assert limits.checked(claim(n, action="view"), START).over_limit is None
        assert limits.checked(claim(n, org="unpublished"), START).over_limit is None


def test_an_org_with_reps_has_the_default_limit_and_older_settings_change_nothing() -> None:
    limits = ClaimLimits()
    limits.publish(publication("rep", 1, {"rep_id": "rep-1"}))
    for n in range(600):
        assert limits.checked(claim(n), START).over_limit is None
    assert limits.checked(claim(600), START).over_limit is not None
    limits.publish(publication("settings", 7, {"claims_per_minute": 10_000}))
    limits.publish(publication("settings", 3, {"claims_per_minute": 1}))
    assert limits.checked(claim(601), START).over_limit is None


def test_invented_reps_take_bounded_memory(limits: ClaimLimits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_limits, "REPS_KEPT", 100)
    for n in range(1_000):
        limits.checked(claim(n, rep_id=f"invented-{n}"), START)
    assert limits.counted_reps == 100


@pytest.mark.parametrize("queue_id", ["mine", "rep/rep-1", "rep/"])
def test_a_queue_id_that_shadows_a_reps_own_queue_is_refused(queue_id: str) -> None:
    (problem,) = check("queue", queue_id, {"queue_id": queue_id, "name": "Shadow"})
    assert problem.path == "queue_id"
    assert "is reserved for reps' own queues" in problem.reason


@pytest.mark.parametrize("value", [{"max_locks": 0}, {"claims_per_minute": 0}, {"max_locks": "3"}])
def test_a_bound_that_is_none_is_refused(value: dict[str, Any]) -> None:
    assert [problem.path for problem in check("settings", "settings", value)] == list(value)
