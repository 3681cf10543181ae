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
_MIN_BYTES: Final = 100
"""No answer is shorter: it has `type`, `action_id`, `action`, `rep_id`, `result`, `version` and `decided_at`."""
_encode: Final = msgspec.json.Encoder(order=None).encode
_DECODER: Final = msgspec.json.Decoder(tuple[Answered, ...])


def all_of(answers: msgspec.Raw) -> tuple[Answered, ...]:
    """Return the kept answers, the oldest first."""
    return () if answers is NO_ANSWERS else _DECODER.decode(answers)


def encoded_answers(answers: Sequence[Answered]) -> msgspec.Raw:
    """Return the bytes of these answers, the oldest first."""
    return msgspec.Raw(_encode(answers)) if answers else NO_ANSWERS


def answer_to(answers: msgspec.Raw, action_id: str, org: str) -> Answered | None:
    """Return the kept answer to an action of an org; None if there is none."""
    if answers is NO_ANSWERS or _encode(action_id) not in bytes(answers):
        return None
    return next(
        (answer for answer in all_of(answers) if answer.action_id == action_id and answer.org == org), None
    )


def with_answer(
    answers: msgspec.Raw, answer: Answered, limit: int
) -> tuple[msgspec.Raw, tuple[Answered, ...]]:
    """Return the newest `limit` answers with one more, and those for which there is no room any more."""
    encoded_answer = _encode(answer)
    if answers is NO_ANSWERS:
        return msgspec.Raw(b"[%b]" % encoded_answer), ()
    encoded = bytes(answers)
    # Few bytes hold few answers, which need not be counted.
    excess = encoded.count(_BEGIN) + 1 - limit if len(encoded) >= (limit - 1) * _MIN_BYTES else 0
    if excess <= 0:
        return msgspec.Raw(b"".join((encoded[:-1], b",", encoded_answer, b"]"))), ()
    begin = 1
    for _ in range(excess):
        begin = encoded.find(_BEGIN, begin + 1)
    if begin < 0:
        return msgspec.Raw(b"[%b]" % encoded_answer), _DECODER.decode(encoded)
    older: tuple[Answered, ...] = _DECODER.decode(b"%b]" % encoded[: begin - 1])
    return msgspec.Raw(b"[%b,%b]" % (encoded[begin:-1], encoded_answer)), older
