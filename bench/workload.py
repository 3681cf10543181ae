"""Generates leads and claims. They are the same, byte for byte, in every run and for every contestant."""

import random
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from models.codec import encode_event
from models.events import ActionRequested, DirectoryPublished, Event, LeadArrived
from models.facts import Facts
from streams.clients import partition_of
from streams.journal import JournalWriter
from streams.settings import Settings

QUEUE_ID: Final = "aged"
REPS: Final = 97
STATES: Final = ("RI", "MA", "CA", "NY", "TX", "FL")
PURPOSES: Final = ("purchase", "refinance", "home_equity")
BEGAN: Final = datetime(2026, 11, 20, 9, tzinfo=UTC)
_YIELD_EVERY: Final = 500

Record = tuple[bytes, bytes]
"""Key and value."""


def lead_ids(count: int, *, first: int = 0) -> list[str]:
    """Return the ids of `count` leads; another `first` gives other ids."""
    return [str(uuid.uuid5(uuid.NAMESPACE_OID, f"bench/{first + n}")) for n in range(count)]


def queue() -> DirectoryPublished:
    """Return the publication of one claimable queue that includes every lead of `arrival`."""
    return DirectoryPublished(
        lead_id="",
        cause="bench/queue",
        org="default",
        kind="queue",
        object_id=QUEUE_ID,
        version=1,
        value={
            "name": "Aged leads",
            "description": "Claim these leads!",
            "claimable": True,
            "columns": ["state", "loan_amount"],
            "inclusion": {
                "combinator": "and",
                "rules": [
                    {"field": "state", "operator": "in", "value": list(STATES)},
                    {"field": "loan_amount", "operator": ">=", "value": 50_000},
                ],
            },
            "sort": {"field": "loan_amount", "direction": "desc"},
        },
    )


def arrival(lead_id: str) -> LeadArrived:
    """Return a lead's arrival with the facts a vendor sends."""
    chance = random.Random(lead_id)
    first, last = chance.choice(("Jeremy", "Ana", "Wei", "Fatima")), chance.choice(("Jones", "Silva", "Li"))
    state = chance.choice(STATES)
    return LeadArrived(
        lead_id=lead_id,
        cause=f"arrival/{lead_id}",
        facts=Facts(
            vendor="acme",
            campaign="purchase-west",
            external_id=lead_id[:8],
            first_name=first,
            last_name=last,
            email=f"{first}.{last}.{lead_id[:6]}@example.org".lower(),
            phone=f"+1401{chance.randrange(2_000_000, 9_999_999)}",
            state=state,
            zip="02903",
            loan_purpose=chance.choice(PURPOSES),
            loan_amount=chance.randrange(80_000, 900_000, 1000),
            credit_score=chance.randrange(580, 820),
            property_type="single_family",
            created_at=BEGAN + timedelta(seconds=chance.randrange(86_400)),
            consent=True,
            time_zone="America/New_York",
        ),
    )


def claim(lead_id: str, n: int) -> ActionRequested:
    """Return the n-th claim of a lead. Each is by another rep, so that a lead has one winner (up to `REPS` claims)."""
    return ActionRequested(
        lead_id=lead_id,
        cause=str(uuid.uuid5(uuid.NAMESPACE_OID, f"claim/{lead_id}/{n}")),
        action="claim",
        rep_id=f"rep-{(hash_of(lead_id) + n) % REPS}",
        queue_id=QUEUE_ID,
    )


def claims(ids: list[str], count: int) -> list[ActionRequested]:
    """Return `count` claims spread evenly over the leads, in a shuffled order that is always the same."""
    actions = [claim(ids[n % len(ids)], n // len(ids)) for n in range(count)]
    random.Random(7).shuffle(actions)
    return actions


def hash_of(lead_id: str) -> int:
    """Return a number that is the same in every process."""
    return int(lead_id[:8], 16)


def records(events: Iterable[Event]) -> list[Record]:
    """Return the events as records of `lead-log`."""
    return [(event.lead_id.encode(), encode_event(event)) for event in events]


async def append(settings: Settings, topic: str, pairs: Iterable[Record]) -> None:
    """Append records, each to the partition of its key; return when all are durable."""
    writer = JournalWriter(settings)
    await writer.start()
    for n, (key, value) in enumerate(pairs):
        # A publication has no lead's key and goes to each partition, as in the intake.
        partitions = [partition_of(key, settings.partitions)] if key else range(settings.partitions)
        for partition in partitions:
            writer.add(topic, partition, key=key, value=value)
        if n % _YIELD_EVERY == 0:
            await writer.room()
    await writer.stop()
