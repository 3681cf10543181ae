"""Remembers which actions a lead has answered after their answers are no longer kept, so that none acts twice (X4).

A row keeps its newest answers word for word. Of an older action it keeps 12 bytes: 8 of a digest of the action's id,
and the hour and the result of the answer. So a repeat after weeks is recognised, changes nothing, and learns the
result.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final

from models.decisions import Answered
from models.events import ActionRequested
from models.lead import Lead
from models.results import Reason, Result
from rules.lead.transition import ActionResult, refused_result

REMEMBERED_DAYS: Final = 30
"""How long an action is remembered after it was answered."""
MAX_REMEMBERED: Final = 4_096
"""The most older actions that a lead remembers. Its row stays small: 48 KiB in memory, 64 KiB in the journal."""
ENTRY_BYTES: Final = 12
_DIGEST_BYTES: Final = 8
"""Among 4,096 actions of a lead, two share a digest with a probability of 10^-12."""
_HOUR: Final = 3_600
_RESULTS: Final = (Result.WON, Result.LOST, Result.DONE, Result.REFUSED)


def remember(memory: bytes, answers: Iterable[Answered], at: datetime) -> bytes:
    """Return the memory with answers that are no longer kept, and without those that are too old at `at`."""
    memory += b"".join(map(_entry, answers))
    oldest = _hours(at - timedelta(days=REMEMBERED_DAYS))
    begin = max(0, len(memory) - MAX_REMEMBERED * ENTRY_BYTES)
    while begin < len(memory) and _hours_of(memory, begin) < oldest:
        begin += ENTRY_BYTES
    return memory[begin:]


def recall(memory: bytes, action_id: str, at: datetime) -> tuple[Result, datetime] | None:
    """Return the result of an action that was answered before, and the hour of the answer; None if unknown."""
    if not memory:
        return None
    digest = _digest(action_id)
    position = memory.find(digest)
    while position >= 0:
        if position % ENTRY_BYTES == 0:
            hours = _hours_of(memory, position)
            if hours < _hours(at - timedelta(days=REMEMBERED_DAYS)):
                return None
            code = memory[position + ENTRY_BYTES - 1] & 3
            return _RESULTS[code], datetime.fromtimestamp(hours * _HOUR, UTC)
        position = memory.find(digest, position + 1)
    return None


def answer_again(
    result: Result, answered_at: datetime, lead: Lead | None, request: ActionRequested
) -> ActionResult:
    """Return the answer to an action that was answered long ago. It is the former result where that still holds."""
    why = f"it was answered before, {result} in the hour of {answered_at:%Y-%m-%d %H:%M} UTC: nothing changes"
    owner = lead.owner if lead is not None and lead.facts.org == request.org else None
    match result:
        case Result.DONE:
            return ActionResult(Result.DONE, why=why)
        case Result.WON if owner == request.rep_id:
            return ActionResult(Result.WON, why=why)
        case Result.WON | Result.LOST if owner not in (None, request.rep_id):
            return ActionResult(Result.LOST, Reason.ALREADY_CLAIMED, why)
        case _:
            return refused_result(Reason.REPEATED, why)


def _entry(answer: Answered) -> bytes:
    packed = _hours(answer.decided_at) << 2 | _RESULTS.index(answer.result)
    return _digest(answer.action_id) + packed.to_bytes(ENTRY_BYTES - _DIGEST_BYTES, "big")


def _hours_of(memory: bytes, begin: int) -> int:
    return int.from_bytes(memory[begin + _DIGEST_BYTES : begin + ENTRY_BYTES], "big") >> 2


def _hours(at: datetime) -> int:
    return int(at.timestamp()) // _HOUR


def _digest(action_id: str) -> bytes:
    return blake2b(action_id.encode(), digest_size=_DIGEST_BYTES).digest()
