"""Defines the answers that a lead's row keeps, as the bytes that the journal has of them (X4).

A claim adds one answer to up to 32. So the others stay encoded: no stage reads or writes them anew, and only a repeated
action has its answer decoded. The bytes are a JSON array, as `msgspec` writes it.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from models.decisions import Answered

NO_ANSWERS: Final = msgspec.Raw(b"[]")
"""The answers of a row without any. A row that has this object omits the field."""
_BEGIN: Final = b'{"type":"answered",'
"""How an answer begins. Text cannot contain this, because JSON escapes the quotes in it."""
_LEAST_BYTES: Final = 100
"""No answer is shorter: it has `type`, `action_id`, `action`, `rep_id`, `result`, `version` and `decided_at`."""
_encode: Final = msgspec.json.Encoder(order=None).encode
_DECODER: Final = msgspec.json.Decoder(tuple[Answered, ...])


def all_of(kept: msgspec.Raw) -> tuple[Answered, ...]:
    """Return the kept answers, the oldest first."""
    return () if kept is NO_ANSWERS else _DECODER.decode(kept)


def encoded_answers(answers: Sequence[Answered]) -> msgspec.Raw:
    """Return the bytes of these answers, the oldest first."""
    return msgspec.Raw(_encode(answers)) if answers else NO_ANSWERS


def answer_to(kept: msgspec.Raw, action_id: str, org: str) -> Answered | None:
    """Return the kept answer to an action of an org; None if there is none."""
    if kept is NO_ANSWERS or _encode(action_id) not in bytes(kept):
        return None
    return next((one for one in all_of(kept) if one.action_id == action_id and one.org == org), None)


def with_answer(kept: msgspec.Raw, answer: Answered, most: int) -> tuple[msgspec.Raw, tuple[Answered, ...]]:
    """Return the newest `most` answers with one more, and those for which there is no room any more."""
    one = _encode(answer)
    if kept is NO_ANSWERS:
        return msgspec.Raw(b"[%b]" % one), ()
    known = bytes(kept)
    # Few bytes hold few answers, which need not be counted.
    over = known.count(_BEGIN) + 1 - most if len(known) >= (most - 1) * _LEAST_BYTES else 0
    if over <= 0:
        return msgspec.Raw(b"".join((known[:-1], b",", one, b"]"))), ()
    begin = 1
    for _ in range(over):
        begin = known.find(_BEGIN, begin + 1)
    if begin < 0:
        return msgspec.Raw(b"[%b]" % one), _DECODER.decode(known)
    older: tuple[Answered, ...] = _DECODER.decode(b"%b]" % known[: begin - 1])
    return msgspec.Raw(b"[%b,%b]" % (known[begin:-1], one)), older
