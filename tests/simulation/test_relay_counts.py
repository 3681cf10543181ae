"""The relay counts what is public: a message once it is durable, and none that an earlier relay published."""

from __future__ import annotations

from datetime import UTC, datetime

from agents.relay import RelayStage
from models.codec import encode_row
from models.decisions import OwnerChanged
from models.facts import Facts
from models.lead import Lead, LeadRow, Phase
from streams.app import make_app
from streams.metrics import REGISTRY
from streams.settings import Settings
from streams.topics import ASSIGNMENTS, DEAD_LETTERS, LEAD_JOURNAL
from tests.simulation.broker import Broker, partition_of
from tests.simulation.processes import Relay

START = datetime(2026, 11, 20, 14, 12, tzinfo=UTC)
KEY = b"lead"
PARTITION = partition_of(KEY)


def counters() -> tuple[float, float]:
    """Return how many messages to `assignments`, and how many new owners, were counted."""
    values = (
        REGISTRY.get_sample_value("firstclaim_published_total", {"topic": ASSIGNMENTS}),
        REGISTRY.get_sample_value("firstclaim_owner_changes_total", {"how": "claim"}),
    )
    published, changes = (value or 0.0 for value in values)
    return published, changes


def write_assignment(broker: Broker) -> None:
    """Write the record of an assignment to the journal."""
    lead = Lead(
        lead_id="lead",
        facts=Facts(vendor="acme", created_at=START),
        phase=Phase.OWNED,
        arrived_at=START,
        updated_at=START,
        owner="ann",
        assigned_at=START,
    )
    change = OwnerChanged(
        rep_id="ann", previous_rep_id=None, how="claim", via="queue/aged", why="first claim"
    )
    row = LeadRow(off=3, seq=1, lead=lead, at=START, cause="c", decisions=(change,))
    broker.append(LEAD_JOURNAL, PARTITION, KEY, encode_row(row))


def test_a_message_is_counted_when_it_is_durable_and_not_before() -> None:
    broker = Broker(START.timestamp())
    relay, before = Relay(broker), counters()
    write_assignment(broker)
    assert relay.poll(PARTITION, 10) == 1
    assert relay.outbox.waiting, "it is on its way"
    assert counters() == before
    relay.outbox.land(10)
    assert counters() == (before[0] + 1, before[1] + 1)


def test_the_writer_of_a_relay_counts_messages_but_no_dead_letters() -> None:
    writer, before = RelayStage(make_app("relay-counts", Settings.read())).writer, counters()
    assert writer.durable is not None
    writer.durable(ASSIGNMENTS, 3)
    writer.durable(DEAD_LETTERS, 1)
    assert counters() == (before[0] + 3, before[1])
    assert REGISTRY.get_sample_value("firstclaim_published_total", {"topic": DEAD_LETTERS}) is None


def test_what_a_killed_relay_published_is_not_counted_again() -> None:
    broker = Broker(START.timestamp())
    relay, before = Relay(broker), counters()
    write_assignment(broker)
    relay.poll(PARTITION, 10)
    relay.outbox.land(10)
    relay.crash(0)  # nothing was committed, so the next relay reads the record again
    assert relay.poll(PARTITION, 10) == 1
    relay.outbox.land(10)  # only the org is told again; it recognises a repeat
    assert counters() == (before[0] + 1, before[1] + 1)
