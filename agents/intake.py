"""Runs the intake stage, which turns inbound messages into events of an org's or a lead's log, or into dead letters."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from msgspec.structs import replace

from agents.stage import EventStream, Stage
from models.codec import encode_event, encode_org_event
from models.erasure import ErasureKey
from models.errors import PermanentError
from models.events import ActionRequested, DirectoryPublished
from models.facts import Facts
from models.org_events import DoNotContactPublished, OrgEvent, PersonArrived
from models.record_size import check_size
from rules.inbound.attribute_types import Types
from rules.inbound.claim_limits import ClaimLimits
from rules.inbound.do_not_contact import accept_listing
from rules.inbound.erasure import erasure_requested
from rules.inbound.intake import accept_action, accept_arrival, accept_publication
from rules.inbound.refused_actions import answer_to_refused
from rules.inbound.signatures import SignatureChecker
from rules.inbound.times import record_time
from rules.org.directory import published_for
from streams.app import StageApp
from streams.dead_letters import classify_failure
from streams.journal import MAX_BATCH_BYTES
from streams.topics import DIRECTORY, DO_NOT_CONTACT, LEAD_ACTIONS, LEAD_ARRIVALS, LEAD_LOG, ORG_LOG

_log = structlog.get_logger(__name__)

Accepted = PersonArrived | DoNotContactPublished | ActionRequested | DirectoryPublished
Read = Callable[[Any], Accepted]
"""Parses a message into an event; raises `Refused`."""
AddressedRecord = tuple[str, int, bytes, bytes]
"""Topic, partition, key and value of a record."""

MAX_ORG_EVENT_BYTES: Final = MAX_BATCH_BYTES - 50_000
"""The limit for an org's event. The org's batch for an arrival repeats the event and adds the changed rows."""


def attach(app: StageApp) -> "IntakeStage":
    """Attach the intake to an app."""
    stage = IntakeStage(app, "intake")

    @stage.agent(LEAD_ARRIVALS, name="arrivals")
    async def accept_arrivals(stream: EventStream) -> None:
        await stream.handle(lambda event: stage.accept(event, stage.read_arrival))

    @stage.agent(LEAD_ACTIONS, name="actions")
    async def accept_actions(stream: EventStream) -> None:
        await stream.handle(lambda event: stage.accept(event, read_action))

    @stage.agent(DIRECTORY, name="directory")
    async def accept_publications(stream: EventStream) -> None:
        await stream.handle(lambda event: stage.accept(event, read_publication))

    @stage.agent(DO_NOT_CONTACT, name="do_not_contact")
    async def accept_listings(stream: EventStream) -> None:
        await stream.handle(lambda event: stage.accept(event, read_listing))

    return stage


class IntakeStage(Stage):
    """Validates, normalises and re-keys messages from vendors, CRMs and admins."""

    authority: SignatureChecker | None = None
    """Checks who may send what. The process sets it before the first event."""
    erasure_key: ErasureKey | None = None
    """Hashes the handles of arrivals, to recognise erased persons. The process sets it before the first event."""
    claim_limits: ClaimLimits | None = None
    """Counts the claims of each rep. The process sets it before the first event."""

    def accept(self, event: Any, read: Read) -> None:
        """Append one message to the log of its org or lead, or to the dead letters with the reason."""
        message = event.message
        receipt = self.acker.take(event)
        try:
            records = self.records(self.authorised(read(message), message))
        except Exception as error:  # noqa: BLE001  # one message must never stop the ones behind it
            self.write_dead_letter(message, *classify_failure(error), receipt)
            records = self.answers(message, read, error)
        for topic, partition, key, value in records:
            self.writer.add(topic, partition, key=key, value=value, receipt=receipt)
        receipt.settle()

    def read_arrival(self, message: Any) -> PersonArrived:
        """Parse a record of `lead-arrivals`, in the time zone of its org; raises `Refused`."""
        at = record_time(message.timestamp, datetime.now(UTC))
        return accept_arrival(
            message.value,
            _headers(message),
            arrived_at=at,
            zone_of_org=self._zone_of_org,
            types_of_org=self._types_of_org,
        )

    def _zone_of_org(self, org: str) -> str:
        return "UTC" if self.authority is None else self.authority.terms(org).time_zone

    def _types_of_org(self, org: str) -> Types:
        return {} if self.authority is None else self.authority.terms(org).attribute_types

    def authorised(self, accepted: Accepted, message: Any) -> Accepted:
        """Return the accepted event, marked if it is a claim over its rep's limit.

        Raises `Refused` if its sender is not allowed to send it.
        """
        if self.authority is None or not isinstance(accepted, PersonArrived | ActionRequested):
            return accepted
        at = record_time(message.timestamp, datetime.now(UTC))
        sent = message.topic, message.value, _headers(message), at
        if isinstance(accepted, PersonArrived):
            self.authority.check_arrival(accepted, *sent)
        else:
            self.authority.check_action(accepted, *sent)
            if self.claim_limits is not None:
                return self.claim_limits.checked(accepted, at)
        return accepted

    def answers(self, message: Any, read: Read, error: Exception) -> list[AddressedRecord]:
        """Return the records that answer a refused action, beside its dead letter; none if its id cannot be read.

        A failure of our own code gets no answer. After a fix the letter can be replayed, and is decided then.
        """
        if read is not read_action or not isinstance(error, PermanentError):
            return []
        try:
            answer = answer_to_refused(message.value, _headers(message), error)
            return [] if answer is None else self.records(answer)
        except Exception:  # noqa: BLE001  # the dead letter exists, and later messages must not wait
            _log.exception("a refused action could not be answered")
            return []

    def records(self, accepted: Accepted) -> list[AddressedRecord]:
        """Return topic, partition, key and value of each record. Raises `PermanentError` if a record is too large."""
        if self.erasure_key is not None:
            if isinstance(accepted, PersonArrived):
                accepted = replace(accepted, hashes=self.erasure_key.hashes_of(accepted.facts))
            elif isinstance(accepted, ActionRequested) and accepted.facts:
                hashes = self.erasure_key.hashes_of(Facts(vendor="", org=accepted.org, **accepted.facts))
                accepted = replace(accepted, hashes=hashes)
        if isinstance(accepted, PersonArrived | DoNotContactPublished):
            return [self.for_org(accepted)]
        if isinstance(accepted, ActionRequested) and (person := erasure_requested(accepted)) is not None:
            return [self.for_org(person)]
        key, value = accepted.lead_id.encode(), encode_event(accepted)
        check_size(key, value)
        if isinstance(accepted, ActionRequested):
            return [(LEAD_LOG, self.partition_of(key), key, value)]
        # A publication concerns every lead, so each partition of the log gets the whole publication.
        everywhere = [(LEAD_LOG, partition, key, value) for partition in range(self.partitions)]
        return [*everywhere, self.for_org(accepted)] if published_for(accepted) else everywhere

    def for_org(self, event: OrgEvent) -> AddressedRecord:
        """Return the record of an event for its org's log."""
        org, value = event.org.encode(), encode_org_event(event)
        check_size(org, value, limit=MAX_ORG_EVENT_BYTES)
        return ORG_LOG, self.partition_of(org), org, value


def _headers(message: Any) -> dict[str, bytes]:
    return dict(message.headers or ())


def read_action(message: Any) -> ActionRequested:
    """Parse a record of `lead-actions`; raises `Refused`."""
    return accept_action(message.value, _headers(message))


def read_publication(message: Any) -> DirectoryPublished:
    """Parse a record of `directory`; its offset is its version. Raises `Refused`."""
    return accept_publication(message.key, message.value, _headers(message), version=message.offset)


def read_listing(message: Any) -> DoNotContactPublished:
    """Parse a record of `do-not-contact`; its offset is its version. Raises `Refused`."""
    at = record_time(message.timestamp, datetime.now(UTC))
    return accept_listing(message.key, message.value, _headers(message), version=message.offset, at=at)
