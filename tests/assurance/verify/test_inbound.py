"""Inbound messages without an effect are found. Only messages that cannot be read may be among the dead letters."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from assurance.verify.catch_up import INBOUND, Snapshot
from assurance.verify.dead_letter_index import DeadLetterIndex
from assurance.verify.inbound import Inbound
from models.events import DirectoryPublished, LeadArrived, SuppressionChanged
from rules.inbound.do_not_contact import accept_listing
from rules.inbound.intake import accept_action, accept_arrival, accept_publication
from streams.topics import DEAD_LETTERS, DIRECTORY, DO_NOT_CONTACT, LEAD_ACTIONS, LEAD_ARRIVALS
from tests.assurance.verify.checking import check
from tests.assurance.verify.partition import FRESH, Partition
from tests.assurance.verify.records import Record, stream

BAD = b"{bad"


class Intake:
    """Three inbound topics of one partition and their intake, for tests to falsify."""

    def __init__(self) -> None:
        self.partition = Partition()
        self.topics: dict[str, list[Record]] = {topic: [] for topic in INBOUND}
        self.letters: list[Record] = []
        self.erased: set[int] = set()
        """The offsets of messages whose letters an erasure removed."""

    def arrive(self, name: str = "A-1", *, lost: bool = False, **more: Any) -> str:
        """Send a lead; return its id."""
        sent = {"vendor": "acme", "external_id": name, "loan_purpose": "purchase", **more}
        value = msgspec.json.encode(sent)
        self.put(LEAD_ARRIVALS, value)
        event = accept_arrival(value, {}, arrived_at=self.partition.now)
        if not lost:
            self.partition.place(event)
        return event.lead_id

    def list(self, phone: str, value: bytes | None = b"{}", *, lost: bool = False) -> None:
        """Put a phone on the do-not-contact list, or with None take it off."""
        record = self.put(DO_NOT_CONTACT, value, key=f"default/phone/{phone}".encode())
        if not lost:
            at = self.partition.now
            event = accept_listing(record.key, value, {}, version=record.offset, at=at)
            self.partition.tell_org(event)

    def claim(self, lead_id: str, action_id: str, *, lost: bool = False) -> None:
        """Send a claim."""
        value = msgspec.json.encode(
            {"action_id": action_id, "lead_id": lead_id, "type": "claim", "rep_id": "rep-1"}
        )
        self.put(LEAD_ACTIONS, value)
        if not lost:
            self.partition.tell(accept_action(value, {}))

    def publish(self, *, lost: bool = False) -> None:
        """Send a publication."""
        record = self.put(DIRECTORY, msgspec.json.encode(FRESH), key=b"default/queue/fresh")
        if not lost:
            self.partition.tell(
                DirectoryPublished(
                    lead_id="",
                    cause="",
                    org="default",
                    kind="queue",
                    object_id="fresh",
                    version=record.offset,
                    value=FRESH,
                )
            )

    def put(
        self, topic: str, value: bytes | None, *, key: bytes | None = None, buried: bool = False
    ) -> Record:
        """Send bytes."""
        records = self.topics[topic]
        record = Record(topic, len(records), key, value, int(self.partition.now.timestamp() * 1000))
        records.append(record)
        if buried:
            self.write_dead_letter_of(record)
        return record

    def write_dead_letter_of(self, record: Record, error_class: str = "not_json") -> None:
        """Write a message to the dead letters."""
        headers = {
            "source-topic": record.topic,
            "source-partition": str(record.partition),
            "source-offset": str(record.offset),
            "error-class": error_class,
            "reason": "because",
        }
        encoded = tuple((name, value.encode()) for name, value in headers.items())
        letter = replace(record, topic=DEAD_LETTERS, offset=len(self.letters), headers=encoded)
        self.letters.append(letter)

    def codes(self, ends: dict[str, int] | None = None) -> dict[str, int]:
        """Return the findings of a check."""
        return asyncio.run(self._check(ends or {}))

    async def _check(self, ends: dict[str, int]) -> dict[str, int]:
        checked = await asyncio.to_thread(check, self.partition)
        findings = checked.findings
        snapshot = Snapshot(
            ends={(topic, 0): ends.get(topic, len(records)) for topic, records in self.topics.items()},
            at=self.partition.now,
        )
        dead_letters = DeadLetterIndex()
        for letter in self.letters:
            dead_letters.take(letter, findings)
        inbound = Inbound(
            snapshot=snapshot,
            journal_facts=checked.journal_facts,
            known_answers=checked.known_answers,
            dead_letters=dead_letters,
            findings=findings,
            partitions=1,
            letter_was_removed=lambda record: record.offset in self.erased,
        )
        await inbound.arrivals(self.read(LEAD_ARRIVALS))
        await inbound.actions(self.read(LEAD_ACTIONS))
        await inbound.publications(self.read(DIRECTORY))
        await inbound.listings(self.read(DO_NOT_CONTACT))
        for record in self.partition.log:
            dead_letters.note_replay(record)
        dead_letters.end(findings)
        return checked.codes

    def read(self, topic: str) -> Any:
        """Return a topic as a stream."""
        return stream(self.topics[topic])


def complete_intake() -> Intake:
    """Return an intake that has handled everything."""
    intake = Intake()
    intake.publish()
    lead_id = intake.arrive()
    intake.claim(lead_id, "action-1")
    intake.claim(lead_id, "action-1")
    intake.list("4014190001")
    for topic in INBOUND:
        intake.put(topic, BAD, key=b"default/queue/bad", buried=True)
    return intake


def test_x7_what_had_its_effect_is_no_finding() -> None:
    assert complete_intake().codes() == {}


def test_x7_a_lost_arrival_is_found() -> None:
    intake = complete_intake()
    intake.arrive("A-2", lost=True)
    assert intake.codes() == {"arrival_lost": 1}


def test_x7_r6_an_inquiry_is_its_leads_and_one_that_is_lost_is_found() -> None:
    intake = complete_intake()
    lead_id = intake.arrive("A-2", phone="4014194247")
    inquiry = intake.arrive("A-3", phone="(401) 419-4247")
    assert intake.partition.row(inquiry).merged_into == lead_id
    assert intake.codes() == {}
    intake.arrive("A-4", phone="4014194247", lost=True)
    assert intake.codes() == {"arrival_lost": 1}


def test_r6_an_inquiry_that_its_lead_does_not_count_is_found() -> None:
    intake = complete_intake()
    intake.arrive("A-2", phone="4014194247")
    intake.partition.loses = lambda known_answers: isinstance(known_answers, LeadArrived)
    intake.arrive("A-3", phone="4014194247")
    assert intake.codes() == {"arrival_lost": 1, "inquiries_differ": 1, "org_answer_lost": 1}


def test_x6_a_listing_that_its_org_or_its_lead_does_not_know_is_found() -> None:
    intake = complete_intake()
    intake.arrive("A-2", phone="4014194247")
    intake.list("4014194247")
    intake.list("4014190001", None)
    assert intake.codes() == {}
    intake.partition.loses = lambda known_answers: isinstance(known_answers, SuppressionChanged)
    intake.list("4014194247", None)
    assert intake.codes() == {"org_answer_lost": 1, "suppression_differs": 1}
    intake.list("4014190001", lost=True)
    assert intake.codes() == {"listing_lost": 1, "org_answer_lost": 1, "suppression_differs": 1}


def test_the_letter_of_an_erased_person_may_be_missing() -> None:
    intake = complete_intake()
    erased, _ = intake.put(LEAD_ARRIVALS, BAD), intake.put(LEAD_ARRIVALS, BAD)
    assert intake.codes() == {"refusal_lost": 2}
    intake.erased = {erased.offset}
    assert intake.codes() == {"refusal_lost": 1}


def test_an_arrival_with_an_envelope_is_known_by_its_id() -> None:
    intake = complete_intake()
    value = msgspec.json.encode({"vendor": "acme", "external_id": "A-3"})
    headers = {"ce_specversion": b"1.0", "ce_id": b"1", "ce_source": b"/acme", "ce_type": b"lead"}
    record = intake.put(LEAD_ARRIVALS, value)
    intake.topics[LEAD_ARRIVALS][-1] = replace(record, headers=tuple(headers.items()))
    assert intake.codes() == {"arrival_lost": 1}
    intake.partition.place(accept_arrival(value, dict(headers), arrived_at=intake.partition.now))
    assert intake.codes() == {}


def test_x4_an_action_nobody_answered_is_found() -> None:
    intake = complete_intake()
    intake.claim(intake.arrive(), "action-2", lost=True)
    assert intake.codes() == {"action_lost": 1}


def test_an_action_on_a_lead_that_never_came_is_answered_too() -> None:
    intake = complete_intake()
    intake.claim("6f1c0f3e-4a53-5d0e-9d5e-6a1d3f8a7c11", "action-3")
    assert intake.codes() == {}


def test_q6_a_publication_no_partition_knows_is_found() -> None:
    intake = complete_intake()
    intake.publish(lost=True)
    assert intake.codes() == {"publication_lost": 1}


def test_r9_a_rep_its_org_does_not_hear_of_is_found() -> None:
    intake = complete_intake()
    record = intake.put(DIRECTORY, b'{"rep_id": "ann"}', key=b"default/rep/ann")
    event = accept_publication(record.key, record.value, {}, version=record.offset)
    intake.partition.tell(event)
    assert intake.codes() == {"org_publication_lost": 1}
    intake.partition.tell_org(event)
    assert intake.codes() == {}


@pytest.mark.parametrize("topic", INBOUND)
def test_poison_that_is_nowhere_is_found(topic: str) -> None:
    intake = complete_intake()
    intake.put(topic, BAD, key=b"default/queue/bad")
    assert intake.codes() == {"refusal_lost": 1}


@pytest.mark.parametrize("topic", INBOUND)
def test_a_good_message_among_the_dead_letters_is_found(topic: str) -> None:
    intake = complete_intake()
    intake.write_dead_letter_of(intake.topics[topic][0])
    assert intake.codes() == {"buried_unasked": 1}


def test_a_record_of_ours_among_the_dead_letters_is_found() -> None:
    intake = complete_intake()
    intake.write_dead_letter_of(intake.partition.log[0])
    assert intake.codes() == {"internal_dead_letter": 1}


@pytest.mark.parametrize("topic", INBOUND)
def test_what_our_code_failed_on_is_no_finding_once_it_has_had_its_effect(topic: str) -> None:
    """It was replayed after the fix. A good message that was refused is always a finding."""
    intake = complete_intake()
    intake.write_dead_letter_of(intake.topics[topic][0], "fatal_error")
    assert intake.codes() == {}


def test_an_arrival_that_our_code_failed_on_and_that_never_came_again_is_found() -> None:
    intake = complete_intake()
    intake.arrive("A-9", lost=True)
    intake.write_dead_letter_of(intake.topics[LEAD_ARRIVALS][-1], "fatal_error")
    assert intake.codes() == {"arrival_lost": 1}


def test_an_event_that_our_code_failed_on_is_found_until_it_comes_again() -> None:
    intake = complete_intake()
    intake.write_dead_letter_of(intake.partition.log[0], "fatal_error")
    assert intake.codes() == {"internal_dead_letter": 1}
    last = intake.partition.log[-1]
    replayed = (("replay-of", b"lead-log:0:0"),)
    intake.partition.log[-1] = replace(last, headers=replayed)
    assert intake.codes() == {}
    intake.partition.log[-1] = replace(last, headers=(("replay-of", b"lead-log:0:1"), ("replay-of", b"x")))
    assert intake.codes() == {"internal_dead_letter": 1}


def test_a_dead_letter_without_a_source_is_found() -> None:
    intake = complete_intake()
    intake.letters.append(replace(intake.letters[0], headers=()))
    assert intake.codes() == {"internal_dead_letter": 1}


def test_what_came_after_the_snapshot_is_left_alone() -> None:
    intake = complete_intake()
    ends = {topic: len(records) for topic, records in intake.topics.items()}
    intake.arrive("A-2", lost=True)
    intake.put(LEAD_ACTIONS, BAD)
    assert intake.codes(ends) == {}
