"""Finds the lead inside a message that wraps it in other objects: `{"root": {"row": {…}}}`, `{"data": {…}}` (A16).

The names of the wrapping objects need not be known. An object of somebody else (`agent`, `spouse`) is no lead.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from models.field_names import FULL_NAME, field_of, normal_name
from rules.inbound.nested import with_nested


def _word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DEEPEST: Final = 6
_MAX_ANSWERS: Final = 500
_NAMED, _REACHED, _WHOLE = 2, 3, 4
_NAME_OF_ANYTHING: Final = frozenset({"name", "Name"})
"""The name of an event or a form may stand beside the lead under it."""
_SCALARS: Final = (str, int, float)
_OTHERS: Final = _word_set(
    """
    agent rep referrer referral referred referer spouse partner co coborrower coapplicant cosigner employer lender
    realtor vendor provider supplier publisher affiliate source campaign form page ad adset user assignee assigned
    officer broker sender account manager loan property vehicle utm tracking consent error meta metadata pagination
    """
)
"""Words for what is not the lead. An object with such a name is left alone."""
_LEADS: Final = _word_set(
    """
    lead data contact customer client person prospect borrower applicant consumer payload attribute field properties
    answer response submission record body
    """
)
"""Words for the lead itself: such an object is it, also where the message around it has an id."""
_REACHING: Final = frozenset({"phone", "email"})
_NAMING: Final = frozenset({"last_name", FULL_NAME})
_AROUND: Final = "message"
"""The attribute for what stood around the lead under a name that the lead has too."""
_OF_THE_MESSAGE: Final = frozenset({"vendor", "org", "campaign", "created_at", "assigned_to"})
"""Fields that hold for the lead although they stand beside it."""


def unwrapped_lead(sent: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the lead inside a message as a message of its own; None if there is none, or more than one.

    What stood around the lead is kept under `attributes`, and its id is the lead's if the lead has none.
    """
    own_weight = _weight(sent)
    if own_weight > _NAMED or (own_weight == _NAMED and not _NAME_OF_ANYTHING.intersection(sent)):
        return None
    persons = [*_inside(sent, _DEEPEST)]
    people = [person for person in persons if person.weight >= _NAMED] or persons
    if own_weight or len(people) > 1:
        people = [person for person in people if person.is_called_a_lead]
    best = max((person.weight for person in people), default=0)
    leads = [person for person in people if person.weight == best]
    return _lifted(sent, leads[0].path) if best > own_weight and len(leads) == 1 else None


class _Candidate(NamedTuple):
    """An object inside a message that may be the lead."""

    weight: int
    path: tuple[str, ...]

    @property
    def is_called_a_lead(self) -> bool:
        return any(_LEADS & _words_of(name) for name in self.path)


def _words_of(name: str) -> frozenset[str]:
    """Return the words of a name, and each without the s of a plural."""
    parts = normal_name(name).split("_")
    return frozenset((*parts, *(word.removesuffix("s") for word in parts)))


def _weight_of(fields: frozenset[str]) -> int:
    has_name, has_handle = bool(fields & _NAMING), bool(fields & _REACHING)
    if has_handle:
        return _WHOLE if has_name else _REACHED
    return _NAMED if has_name else 1 if "external_id" in fields else 0


def _weight(value: Mapping[str, Any]) -> int:
    """Return how well an object says which person it is: by phone or mail, by a name, by an id, or not at all."""
    value = with_nested(value)
    names = {name: inner for name, inner in value.items() if isinstance(inner, _SCALARS) and inner != ""}
    answers = value.get("field_data")
    if isinstance(answers, list):
        names |= {
            answer["name"]: answer.get("values", answer.get("value"))
            for answer in answers[:_MAX_ANSWERS]
            if isinstance(answer, dict) and isinstance(answer.get("name"), str)
        }
    return _weight_of(frozenset(field for name in names if (field := field_of(name)) is not None))


def _inside(value: Mapping[str, Any], depth: int, path: tuple[str, ...] = ()) -> Iterator[_Candidate]:
    """Yield each object inside that may be a lead. A list of one object stands for it."""
    for name, inner in value.items():
        only = inner[0] if isinstance(inner, list) and len(inner) == 1 else inner
        if not isinstance(only, dict) or not depth or name == "field_data":
            continue
        if _OTHERS & _words_of(name):
            continue
        weight = _weight(only)
        if weight < _NAMED and inner is not only:
            continue  # a list of one object without a person may be any list
        if weight:
            yield _Candidate(weight, (*path, name))
        if weight < _NAMED or (weight == _NAMED and _NAME_OF_ANYTHING.intersection(only)):
            yield from _inside(only, depth - 1, (*path, name))


def _lifted(sent: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    outer_fields: dict[str, Any] = {}
    inner: Any = sent
    for name in path:
        outer_fields |= {other: value for other, value in inner.items() if other != name}
        inner = inner[name][0] if isinstance(inner[name], list) else inner[name]
    lead: dict[str, Any] = {**inner}
    others: dict[str, Any] = {}
    has_id = any(field_of(name) == "external_id" for name in lead)
    for name, value in outer_fields.items():
        field = name if name in _OF_THE_MESSAGE else field_of(name)
        if name not in lead and (
            name in _OF_THE_MESSAGE or (field == "external_id" and not has_id and isinstance(value, _SCALARS))
        ):
            lead[name] = value
        elif value not in (None, "", {}, []):
            others[name] = value
    if others:
        attributes = lead.get("attributes")
        own_attributes = attributes if isinstance(attributes, dict) else {}
        hidden = {name: value for name, value in others.items() if name in lead or name in own_attributes}
        added = {name: value for name, value in others.items() if name not in hidden}
        lead["attributes"] = {**added, **own_attributes} | ({_AROUND: hidden} if hidden else {})
    return lead
