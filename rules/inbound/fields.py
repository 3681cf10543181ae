"""Finds a lead's fields in a vendor's message, under any of the names that vendors use (V3, A10, A15, A16).

A field has candidates: its own name first, then other names. The first candidate that can be read is the field. What
is not read stays in the message under its own name.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from models import amounts, contacts, location, moments, normalize
from models.field_names import FULL_NAME, field_of, rank_of
from models.inbound import Arrival
from models.spelling import cleaned, decode_entities, split_name
from rules.inbound.lenient import UnreadableValue
from rules.inbound.nested import with_nested
from rules.inbound.wrapped import unwrapped_lead

HANDLES: Final = ("external_id", "phone", "email", "last_name")
"""A lead needs at least one of these fields, to distinguish it from others."""
_OWN_FIELDS: Final = frozenset(Arrival.model_fields)
_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "external_id": normalize.text(),
    "first_name": normalize.person_name,
    "last_name": normalize.person_name,
    FULL_NAME: normalize.person_name,
    "phone": contacts.phone,
    "phone_extension": contacts.extension,
    "email": contacts.email,
    "state": location.state,
    "zip": location.zip_code,
    "loan_amount": amounts.amount,
    "loan_purpose": normalize.word,
    "credit_score": normalize.credit_score,
    "property_type": normalize.word,
    "created_at": moments.vendor_time,
    "silenced": normalize.flag,
    "consent": normalize.flag,
    "time_zone": normalize.zone,
}
_WHITE: Final = "\x00 \t\n\r\v\f"
_TEST_LEAD: Final = "<test lead: dummy data for "
_OWN_NAME: Final = -1
"""The rank of a field's own name, before all others."""
_Candidate = tuple[str, Any]
"""A name as sent, and its value."""
_SCALARS: Final = (str, int, float, type(None))
_SOCIAL_IDS: Final = {"external_id": "l:", "campaign": "c:"}
"""Field -> what a social network's export writes before its id. Phone and zip have such prefixes too (`p:`, `z:`)."""
_MAX_FIELDS: Final = 500
_DEEPEST_LIST: Final = 6


class FoundFields(msgspec.Struct):
    """The fields of a message. `fields`: field -> value as sent, and everything else under its own name.

    `names`: field -> the name it was sent under, where that is not the field's own. `invalid`: name as sent -> a value
    that cannot be read.
    """

    fields: dict[str, Any]
    names: dict[str, str]
    invalid: dict[str, Any]
    identifies: bool


def find_fields(sent: Mapping[str, Any]) -> FoundFields:
    """Return the fields of a message. A lead that other objects wrap is read where it is."""
    return _find(with_nested(unwrapped_lead(sent) or sent))


def _find(sent: Mapping[str, Any]) -> FoundFields:
    message = FoundFields({}, {}, {}, identifies=False)
    fields = message.fields
    others: dict[str, Any] = {}
    aliases: dict[str, _Candidate] = {}
    candidates: dict[str, list[_Candidate]] = {}
    is_test = False
    for name, value in flatten_answers(sent).items():
        if type(value) is str and "<" in value:
            is_test = is_test or value.strip().lower().startswith(_TEST_LEAD)
        if type(value) is UnreadableValue:
            message.invalid[name] = str(value)
            field = name if name in _OWN_FIELDS else field_of(name)
            message.identifies = message.identifies or field in HANDLES or field == FULL_NAME
        elif name in _OWN_FIELDS:
            fields[name] = value
        elif (field := field_of(name)) is None or not isinstance(value, _SCALARS):
            others[name] = value
        elif not _is_blank(value):
            if field in aliases:
                candidates.setdefault(field, []).append((name, value))
            else:
                aliases[field] = (name, value)
    for field, alias in aliases.items():
        if field in fields or field in candidates:
            offered = [alias, *candidates.get(field, ())]
            if field in fields:
                offered.append((field, fields.pop(field)))
            _choose(field, sorted(offered, key=_rank), message, others)
        else:
            _take(field, alias, message)
    _take_full_name(message, others)
    message.identifies = message.identifies or any(as_sent(fields.get(name)) is not None for name in HANDLES)
    if is_test:
        _withhold_handles(message)
    for name, prefix in _SOCIAL_IDS.items():
        if type(value := fields.get(name)) is str and value.lstrip().startswith(prefix):
            fields[name] = _without_prefix(value, prefix)
    message.fields = {**others, **fields} if others else fields
    return message


def _rank(candidate: _Candidate) -> int:
    name = candidate[0]
    return _OWN_NAME if name in _OWN_FIELDS else rank_of(name)


def _choose(field: str, offered: list[_Candidate], message: FoundFields, others: dict[str, Any]) -> None:
    """Take the first candidate that can be read, and keep all others under their own names."""
    offered = [candidate for candidate in offered if not _is_blank(candidate[1])] or offered[:1]
    chosen = offered[0]
    if (read := _READERS.get(field)) is not None:
        readable = next((candidate for candidate in offered if _reads(read, candidate[1])), None)
        for candidate in offered:
            if candidate is readable:
                break
            message.invalid[candidate[0]] = candidate[1]
        if readable is None:
            # A value under its own name is read by the model again, which names the reason.
            others.update({name: value for name, value in offered if name not in _OWN_FIELDS})
            if chosen[0] in _OWN_FIELDS:
                message.fields[field] = chosen[1]
            message.identifies = message.identifies or (field in HANDLES and as_sent(chosen[1]) is not None)
            return
        chosen = readable
    for candidate in offered:
        if candidate is not chosen and candidate[0] not in message.invalid:
            others[candidate[0]] = candidate[1]
    _take(field, chosen, message)


def _take(field: str, chosen: _Candidate, message: FoundFields) -> None:
    name, value = chosen
    if name not in _OWN_FIELDS:
        message.names[field] = name
    message.fields[field] = value


def _take_full_name(message: FoundFields, others: dict[str, Any]) -> None:
    """Fill first and last name from the whole name, which stays under its own name."""
    full = message.fields.pop(FULL_NAME, None)
    if full is None:
        return
    name = message.names.pop(FULL_NAME)
    others[name] = full
    if not _reads(normalize.person_name, full):
        message.invalid[name] = full
        message.identifies = True
        return
    first, last, suffix = split_name(cleaned(decode_entities(str(full))))
    sent_names = {name: not _is_blank(message.fields.get(name)) for name in ("first_name", "last_name")}
    if not sent_names["last_name"] and last:
        message.fields["last_name"] = last
        message.identifies = True
        if suffix:
            others.setdefault("name_suffix", suffix)
    if not sent_names["first_name"] and first:
        message.fields["first_name"] = first


def _withhold_handles(message: FoundFields) -> None:
    """Take the phone and the mail address out of a form's test lead: all test leads have the same (reading A5)."""
    for field in ("phone", "email"):
        if not _is_blank(value := message.fields.pop(field, None)):
            message.invalid[message.names.get(field, field)] = value


def _without_prefix(value: str, prefix: str) -> str:
    """Return a social network's id without the prefix that its export adds (reading A4)."""
    number = value.strip().removeprefix(prefix)
    return number if number.isdecimal() else value


def can_be_read(field: str, value: Any) -> bool:
    """Say whether a value of a field can be read. A field that takes any text reads all of them."""
    read = _READERS.get(field)
    return read is None or _reads(read, value)


def _reads(read: Callable[[Any], Any], value: Any) -> bool:
    try:
        return read(value) is not None
    except ValueError:
        return False


def _is_blank(value: Any) -> bool:
    return (isinstance(value, str) and not value.strip(_WHITE)) or value is None


def as_sent(value: Any) -> str | None:
    """Return text exactly as sent and a whole number as its digits; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and not _is_blank(value) else None


def flatten_answers(sent: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the message with a form's list of answers (`field_data`) as fields of the message."""
    answers = sent.get("field_data")
    if not isinstance(answers, list) or not all(
        isinstance(answer, dict) and isinstance(answer.get("name"), str) for answer in answers
    ):
        return sent
    flat = {name: value for name, value in sent.items() if name != "field_data"}
    for answer in answers[:_MAX_FIELDS]:
        values = answer.get("values", answer.get("value"))
        if isinstance(values, list) and len(values) == 1:
            values = values[0]
        flat.setdefault(answer["name"], values)
    if len(answers) > _MAX_FIELDS:
        flat["field_data"] = answers[_MAX_FIELDS:]
    return flat


def list_found(value: Any, path: str = "", depth: int = _DEEPEST_LIST) -> str | None:
    """Say where a list of objects is inside a message that is no lead; None if there is none (reading A16)."""
    if isinstance(value, list):
        objects = sum(isinstance(element, dict) for element in value)
        if objects:
            return f"a list of {objects} was found at {path or 'the top'}; send each as a message of its own"
        return None
    if isinstance(value, dict) and depth:
        for name, inner in value.items():
            if sentence := list_found(inner, f"{path}.{name}" if path else name, depth - 1):
                return sentence
    return None
