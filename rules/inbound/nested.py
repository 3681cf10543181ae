"""Reads fields that a message holds in objects and lists of its own: `phones: [...]`, `name: {first, last}` (A16).

What is found is added under the field's own name if the message has none; the objects and lists stay as they are.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from models import contacts
from models.field_names import FULL_NAME, field_of, normal_name

_MAX_VALUES: Final = 20
"""How many values of a list are looked at."""
_SCALARS: Final = (str, int, float)
_VALUES: Final = frozenset({"number", "value", "raw", "formatted", "address"})
"""Names under which an object of a list has a number or an address, beside the names of the field."""
_NAMES: Final = frozenset({"first_name", "last_name", FULL_NAME})
_PLACES: Final = frozenset({"state", "zip"})
_REACHING: Final = frozenset({"phone", "email"})
_ADDRESSES: Final = frozenset({"address", "home_address", "mailing_address", "current_address", "location"})
_CONTACTS: Final = frozenset({"contact", "contact_info", "contact_details", "contact_information", "person"})


def with_nested(sent: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a message with the fields of its objects and lists."""
    nested = [
        (name, value)
        for name, value in sent.items()
        if isinstance(value, dict | list) and name != "attributes"
    ]
    if not nested:
        return sent
    own_fields = {
        field_of(name) or name for name, value in sent.items() if isinstance(value, _SCALARS) and value != ""
    }
    added: dict[str, Any] = {}
    for name, value in nested:
        for field, inner_value in _fields_in(normal_name(name), value):
            if field not in own_fields:
                added.setdefault("full_name" if field == FULL_NAME else field, inner_value)
    if not added:
        return sent
    replaced = {name: value for name, value in sent.items() if name in added and value not in (None, "")}
    if not replaced:
        return {**sent, **added}
    attributes = sent.get("attributes")
    merged = {**replaced, **attributes} if isinstance(attributes, dict) else replaced
    return {**sent, **added, "attributes": merged}


def _fields_in(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    field = field_of(name) or field_of(name.removesuffix("s")) or field_of(name.removesuffix("es"))
    if field in _REACHING:
        values = value[:_MAX_VALUES] if isinstance(value, list) else [value]
        readable = [
            inner_value for element in values if (inner_value := _value_of(field, element)) is not None
        ]
        if readable:
            yield (
                field,
                next((candidate for candidate in readable if _can_be_read(field, candidate)), readable[0]),
            )
    elif isinstance(value, dict) and field == FULL_NAME:
        yield from _fields_among(
            with_nested(value), _NAMES | (_REACHING if name in _CONTACTS else frozenset())
        )
    elif isinstance(value, dict) and name in _ADDRESSES:
        yield from _fields_among(value, _PLACES)
    elif isinstance(value, dict) and name in _CONTACTS:
        yield from _fields_among(with_nested(value), _NAMES | _REACHING)


def _value_of(field: str, value: Any) -> Any:
    """Return the number or address of an element of a list."""
    if isinstance(value, dict):
        values = (
            inner_value
            for name, inner_value in value.items()
            if field_of(name) == field or normal_name(name) in _VALUES
        )
        value = next(values, None)
    return value if isinstance(value, _SCALARS) and value != "" else None


def _can_be_read(field: str, value: Any) -> bool:
    try:
        return (contacts.phone if field == "phone" else contacts.email)(value) is not None
    except ValueError:
        return False


def _fields_among(value: Mapping[str, Any], fields: frozenset[str]) -> Iterator[tuple[str, Any]]:
    for name, inner_value in value.items():
        field = field_of(name)
        if field in fields and isinstance(inner_value, _SCALARS) and inner_value != "":
            yield field, inner_value
