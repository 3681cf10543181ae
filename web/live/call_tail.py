"""Sends what happens in telephone calls to the open pages of the rep who is called (N7)."""

import asyncio
from contextlib import aclosing
from typing import Any, Final

import msgspec
import structlog

from models.public import Call, Delivery
from streams.clients import follow
from streams.retries import FOLLOW_TOPIC
from streams.settings import Settings
from streams.topics import CALLS, DELIVERIES
from web import metrics
from web.live.hub import Hub, OpenPage

log = structlog.get_logger(__name__)

_POLL_MS: Final = 5_000
"""How long one request waits for records. It ends with the first record, so no page is told later."""
NOT_CALLED: Final = frozenset({"failed", "withdrawn", "bounced"})
"""The fates of a request after which no telephone rings for it."""
_CALL: Final = msgspec.json.Decoder(Call)
_FATE: Final = msgspec.json.Decoder(Delivery)


class CallTail:
    """Follows `calls` and `deliveries` from their ends. A page that missed something shows the call's next event."""

    def __init__(self, settings: Settings, hub: Hub) -> None:
        self._settings, self._hub = settings, hub

    async def follow(self) -> None:
        """Follow until cancelled. After a failure, which is logged and counted, it begins again at the end."""
        pauses = FOLLOW_TOPIC.pauses()
        while True:
            try:
                topics = follow(self._settings, CALLS, DELIVERIES, from_end=True, poll_ms=_POLL_MS)
                async with aclosing(topics) as batches:
                    async for batch in batches:
                        for record in batch.records:
                            self._hand_on(record)
                        pauses = FOLLOW_TOPIC.pauses()
            except Exception:
                log.exception("the follower of calls restarts")
                metrics.TAIL_FAILURES.inc()
                await asyncio.sleep(next(pauses))

    def _hand_on(self, record: Any) -> None:
        try:
            event_of_rep = _of_fate(record.value) if record.topic == DELIVERIES else _of_call(record.value)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("this message cannot be read and is skipped", reason=str(error))
            return
        if event_of_rep is None:
            return
        org, rep_id, event = event_of_rep

        def is_of(page: OpenPage) -> bool:
            return page.rep_id == rep_id

        self._hub.tell(org, "calls", event, is_of)


RepEvent = tuple[str, str, dict[str, Any]]


def _of_call(value: bytes | None) -> RepEvent | None:
    if value is None:
        return None
    call = _CALL.decode(value)
    if not call.rep_id:
        return None
    event = {
        "lead_id": call.lead_id,
        "call_id": call.call_id,
        "about": _template(call.notification_id),
        "leg": call.leg,
        "event": call.event,
        "reason": call.reason,
        "at": call.at.isoformat(),
    }
    return call.org, call.rep_id, event


def _of_fate(value: bytes | None) -> RepEvent | None:
    fate = None if value is None else _FATE.decode(value)
    if fate is None or fate.channel != "call" or fate.status not in NOT_CALLED:
        return None
    event = {
        "lead_id": fate.lead_id,
        "call_id": None,
        "about": _template(fate.notification_id),
        "leg": "rep",
        "event": "failed",
        "reason": fate.detail,
        "at": fate.at.isoformat(),
    }
    return fate.org, fate.rep_id, event


def _template(notification_id: str) -> str:
    parts = notification_id.rsplit("/", 2)
    return parts[-2] if len(parts) > 1 else ""
