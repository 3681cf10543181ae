"""Lets people work leads at random, to produce a partition as it is after a day of work."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from models.lead import DistributionStatus, LeadRow
from models.org_events import RepChange, RepChanged
from tests.assurance.verify.partition import FRESH, WORK, Partition

if TYPE_CHECKING:
    from collections.abc import Callable

REPS = ("rep-1", "rep-2", "rep-3", "rep-4")
ROUNDS = 200
"""The most deadlines that may pass before a partition must be at rest."""


def worked_partition(leads: int, seed: int = 1) -> Partition:
    """Let leads arrive and people work them at random, and then let every deadline pass."""
    partition, source = Partition(), random.Random(seed)
    partition.publish("queue", "fresh", FRESH)
    partition.publish("queue", "work", WORK)
    ids = []
    for n in range(leads):
        purpose = source.choice(["purchase", "refinance", "construction"])
        ids.append(partition.arrive(f"lead-{n}", loan_purpose=purpose))
        for _ in range(4):
            _ask_something(partition, source, source.choice(ids))
    for lead_id in ids:
        while (lead := partition.row(lead_id).lead) is not None and lead.deadlines:
            partition.pass_deadline(lead_id)
    return partition


def _ask_something(partition: Partition, source: random.Random, lead_id: str) -> None:
    rep_id = f"rep-{source.randint(1, 3)}"
    action = source.choice(["claim", "claim", "view", "outcome", "callback", "assign", "ignore", "deadline"])
    row = partition.row(lead_id)
    match action:
        case "outcome":
            partition.ask(action, lead_id, rep_id, outcome="no_answer")
        case "callback":
            partition.ask(action, lead_id, rep_id, at=partition.now + timedelta(minutes=5))
        case "assign":
            partition.ask(action, lead_id, rep_id, to_rep_id="rep-4")
        case "deadline" if row.lead is not None and row.lead.deadlines:
            partition.pass_deadline(lead_id)
        case "deadline":
            partition.ask("view", lead_id, rep_id, cause=f"action-{partition.action_count}")
        case _:
            partition.ask(action, lead_id, rep_id)


def partition_with_reps() -> Partition:
    """Return a partition whose org has reps, a manager, and a group for each distribution method."""
    partition = Partition()
    for rep_id in REPS:
        partition.publish("rep", rep_id, rep(rep_id))
    partition.publish("rep", "boss", {"rep_id": "boss", "role": "admin"})
    members = [{"rep_id": rep_id} for rep_id in REPS]
    groups: dict[str, dict[str, Any]] = {
        "turns": {"method": "round_robin", "members": members, "claim_window_seconds": 60},
        "ring": {"method": "ring_all", "members": members[:3], "ring_seconds": 25},
        "button": {"method": "distribute_all", "members": members[1:], "ring_seconds": 40},
        "list": {"method": "roster", "members": members[1:3]},
        "night": {
            "method": "round_robin",
            "members": members[2:],
            "claim_window_seconds": 30,
            "pause": [
                {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "14:05", "to": "14:10"}
            ],
        },
    }
    for group_id, value in groups.items():
        partition.publish("group", group_id, {"group_id": group_id, **value})
        partition.publish("campaign", group_id, {"campaign_id": group_id, "group_id": group_id})
    partition.publish("queue", "fresh", FRESH)
    return partition


def partition_with_offer() -> tuple[Partition, str]:
    """Return a partition in which rep-1 has the offer of a lead."""
    partition = partition_with_reps()
    return partition, partition.arrive("A-1", campaign="turns")


def rep(rep_id: str, **terms: Any) -> dict[str, Any]:
    """Return a rep as published. The first rep has a cap on open leads, the second a cap for each day."""
    caps: dict[str, dict[str, Any]] = {"rep-1": {"max_open": 2}, "rep-2": {"max_per_day": 9}}
    return {"rep_id": rep_id, **caps.get(rep_id, {}), **terms}


def distributed_partition(leads: int, seed: int = 1) -> Partition:
    """Distribute leads, and let reps take, decline, miss, close and leave them at random, until all is at rest."""
    partition, source = partition_with_reps(), random.Random(seed)
    ids = []
    for n in range(leads):
        group = source.choice(["turns", "turns", "ring", "button", "list", "night", None])
        ids.append(partition.arrive(f"lead-{n}", **({"campaign": group} if group else {})))
        for _ in range(3):
            _work_at_random(partition, source, source.choice(ids))
    for rep_id in REPS:
        partition.publish("rep", rep_id, rep(rep_id))
        partition.tell_org(RepChanged(cause="back", rep_id=rep_id, change=RepChange.RETURNED))
    return run_until_quiet(partition)


def run_until_quiet(partition: Partition) -> Partition:
    """Deliver all messages, let every deadline pass and wake every row, until nothing is due."""
    partition.halted = False
    partition.relay()
    for _ in range(ROUNDS):
        due = [
            lead_id
            for row in list(partition.rows.values())
            if isinstance(row, LeadRow) and row.lead is not None and row.lead.deadlines
            for lead_id in [row.lead.lead_id]
        ]
        for lead_id in due:
            partition.pass_deadline(lead_id)
        partition.wake()
        if not due:
            return partition
    raise AssertionError("it never comes to rest")


def _work_at_random(partition: Partition, source: random.Random, lead_id: str) -> None:
    lead = partition.row(lead_id).lead
    assert lead is not None
    partition.halted = source.random() < 0.4  # messages are delayed and meet later events
    distribution = lead.open_distribution
    holders = (
        distribution.reps
        if distribution is not None and distribution.stage is not DistributionStatus.REQUESTED
        else ()
    )
    whoever: str = (
        source.choice(holders or (lead.owner or "rep-3",)) if source.random() < 0.7 else source.choice(REPS)
    )
    absent_rep = source.choice(REPS)
    acts: dict[str, Callable[[], object]] = {
        "claim": lambda: partition.ask("claim", lead_id, whoever),
        "accept": lambda: partition.ask("accept", lead_id, whoever),
        "press_one": lambda: partition.ask("press_one", lead_id, whoever),
        "note": lambda: partition.ask("note", lead_id, whoever, note="called"),
        "outcome": lambda: partition.ask("outcome", lead_id, whoever, outcome="no_answer"),
        "close": lambda: partition.ask("outcome", lead_id, whoever, outcome="closed_won"),
        "callback": lambda: partition.ask(
            "callback", lead_id, whoever, at=partition.now + timedelta(minutes=9)
        ),
        "decline": lambda: partition.ask("decline", lead_id, whoever),
        "hang_up": lambda: partition.ask("hang_up", lead_id, whoever),
        "view": lambda: partition.ask("view", lead_id, whoever),
        "assign": lambda: partition.ask("assign", lead_id, "boss", to_rep_id=whoever),
        "ignore": lambda: partition.ask("ignore", lead_id, "boss"),
        "unignore": lambda: partition.ask("unignore", lead_id, "boss"),
        "deadline": lambda: partition.pass_deadline(lead_id) if lead.deadlines else None,
        "leave": lambda: partition.publish("rep", absent_rep, rep(absent_rep, active=False)),
        "return": lambda: partition.publish("rep", absent_rep, rep(absent_rep)),
        "absent": lambda: partition.tell_org(
            RepChanged(
                cause="away",
                rep_id=absent_rep,
                change=RepChange.ABSENT,
                until=partition.now + timedelta(minutes=3),
            )
        ),
        "wake": partition.wake,
    }
    weights = {"deadline": 4, "claim": 2, "decline": 2, "return": 2}
    act = source.choices(list(acts), [weights.get(name, 1) for name in acts])[0]
    acts[act]()
