"""Where intake sends messages: arrivals and listings to their org, actions to their lead, publications to all."""

from datetime import UTC, datetime
from typing import Any

import pytest

from agents.intake import MAX_ORG_EVENT_BYTES, IntakeStage
from models.codec import decode_event, decode_org_event
from models.errors import PermanentError, Refused
from rules.inbound.do_not_contact import accept_listing
from rules.inbound.intake import accept_action, accept_arrival, accept_publication
from rules.inbound.refused_actions import answer_to_refused
from streams.topics import LEAD_LOG, ORG_LOG

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


@pytest.fixture
def intake() -> IntakeStage:
    """Return the stage without Faust."""
    stage: Any = IntakeStage.__new__(IntakeStage)
    stage.partitions = 3
    intake_stage: IntakeStage = stage
    return intake_stage


def test_r6_an_arrival_goes_to_its_org_and_to_nobody_else(intake: IntakeStage) -> None:
    event = accept_arrival(b'{"vendor": "acme", "last_name": "Jones", "org": "west"}', {}, arrived_at=NOW)
    ((topic, partition, key, value),) = intake.records(event)
    assert (topic, partition, key) == (ORG_LOG, intake.partition_of(b"west"), b"west")
    assert decode_org_event(value) == event


def test_x6_a_listing_goes_to_its_org(intake: IntakeStage) -> None:
    event = accept_listing(b"west/phone/4014194247", b"{}", {}, version=7, at=NOW)
    ((topic, _, key, value),) = intake.records(event)
    assert (topic, key) == (ORG_LOG, b"west")
    assert decode_org_event(value) == event


def test_an_action_goes_to_its_lead_and_a_publication_everywhere(intake: IntakeStage) -> None:
    lead_id = "6f1c0f3e-4a53-5d0e-9d5e-6a1d3f8a7c11"
    accepted = accept_action(b'{"action_id": "a", "type": "view", "lead_id": "%s"}' % lead_id.encode(), {})
    ((topic, partition, key, value),) = intake.records(accepted)
    assert (topic, partition, key) == (LEAD_LOG, intake.partition_of(key), lead_id.encode())
    assert decode_event(value) == accepted
    refused = answer_to_refused(
        b'{"action_id": "a", "lead_id": "%s", "note": "%s"}' % (lead_id.encode(), b"x" * 20_000),
        {},
        Refused("too_long", "note", "is longer than 16384 characters"),
    )
    assert refused is not None
    ((topic, partition, key, value),) = intake.records(refused)
    assert (topic, partition, key) == (LEAD_LOG, intake.partition_of(key), lead_id.encode())
    assert decode_event(value) == refused
    rep = accept_publication(b"default/rep/rep-7", b'{"rep_id": "rep-7"}', {}, version=7)
    assert [record[:2] for record in intake.records(rep)] == [
        *((LEAD_LOG, partition) for partition in range(3)),
        (ORG_LOG, intake.partition_of(b"default")),
    ]
    queue = accept_publication(b"default/queue/aged", b'{"queue_id": "aged"}', {}, version=7)
    assert {record[0] for record in intake.records(queue)} == {LEAD_LOG}


def test_r6_an_arrival_that_its_orgs_batch_could_not_take_is_refused_by_intake(intake: IntakeStage) -> None:
    """Numbers become longer when they are written out, so a quarter of a megabyte becomes more than a batch takes."""
    numbers = b",".join([b"1e15"] * 45_000)
    value = b'{"vendor": "acme", "last_name": "Jones", "page": [%s]}' % numbers
    event = accept_arrival(value, {}, arrived_at=NOW)
    with pytest.raises(PermanentError) as caught:
        intake.records(event)
    assert caught.value.error_class == "record_too_large"
    assert str(MAX_ORG_EVENT_BYTES) in caught.value.reason
