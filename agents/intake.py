"""The intake: bytes from anywhere, in any partitioning, become events in the log of their lead, or dead letters."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from agents.orgs import published_for
from agents.stage import Stage
from models.events import DirectoryPublished, Event
from models.wire import encode_event, encode_org_event
from rules.intake import accept_action, accept_arrival, accept_publication
from streams.app import StageApp
from streams.dead_letters import bury, verdict
from streams.journal import check_size
from streams.topics import DIRECTORY, LEAD_ACTIONS, LEAD_ARRIVALS, LEAD_LOG, ORG_LOG

Accept = Callable[[Any], Event]


class IntakeStage(Stage):
    """Validates, normalises and re-keys what comes in on `lead-arrivals`, `lead-actions` and `directory`."""

    def __init__(self, app: StageApp) -> None:
        super().__init__(app, "intake")
        for topic, name, accept in (
            (LEAD_ARRIVALS, "arrivals", arrival),
            (LEAD_ACTIONS, "actions", action),
            (DIRECTORY, "directory", publication),
        ):
            self.read(topic, partial(self.handle, accept=accept), name=name)

    def handle(self, event: Any, accept: Accept) -> None:
        """Accept one message into the log of its lead, or bury it with the reason."""
        message = event.message
        receipt = self.acker.take(event)
        try:
            accepted = accept(message)
            value, key = encode_event(accepted), accepted.lead_id.encode()
            check_size(key, value)
        except Exception as error:  # noqa: BLE001  # one message must never stop those behind it
            bury(self.writer, message, *verdict(error), self.partitions, receipt)
        else:
            # What an admin publishes concerns every lead: each partition of the log gets the whole of it.
            targets = [self.place(key)] if key else range(self.partitions)
            for partition in targets:
                self.writer.add(LEAD_LOG, partition, key=key, value=value, receipt=receipt)
            if isinstance(accepted, DirectoryPublished) and published_for(accepted):
                org = accepted.org.encode()
                self.writer.add(
                    ORG_LOG, self.place(org), key=org, value=encode_org_event(accepted), receipt=receipt
                )
        receipt.settle()


def _headers(message: Any) -> dict[str, bytes]:
    return dict(message.headers or ())


def arrival(message: Any) -> Event:
    """Read a record of `lead-arrivals`; raises `Refused`."""
    at = datetime.fromtimestamp(message.timestamp, UTC)
    return accept_arrival(message.value, _headers(message), arrived_at=at)


def action(message: Any) -> Event:
    """Read a record of `lead-actions`; raises `Refused`."""
    return accept_action(message.value, _headers(message))


def publication(message: Any) -> Event:
    """Read a record of `directory`; its place there is its version. Raises `Refused`."""
    return accept_publication(message.key, message.value, _headers(message), version=message.offset)
