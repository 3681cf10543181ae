"""Names the fields of a lead for people, and writes sentences about fields."""

from typing import Final

from models.field_names import FULL_NAME
from rules.language.catalogue import FIELDS

_NAMES: Final = {FULL_NAME: "Whole name", "org": "Org", "vendor": "Lead provider"}
_REMARKS: Final = {
    "unreadable": "{} could not be read",
    "assumed": "{} was assumed",
    "doubtful": "{} is doubtful",
}


def field_label(name: str) -> str:
    """Return the label of a lead's field."""
    if name in _NAMES:
        return _NAMES[name]
    field = FIELDS.get(name)
    return field.label if field is not None else name.replace("_", " ").capitalize()


def remark_sentence(remark: str) -> str:
    """Return a counted remark, such as `unreadable email`, in words."""
    kind, _, field = remark.partition(" ")
    return _REMARKS[kind].format(field_label(field)) if kind in _REMARKS else remark


def refusal_sentence(reason: str) -> str:
    """Return the reason of a dead letter, such as `email: too long`, with the field's label."""
    field, colon, rest = reason.partition(": ")
    return f"{field_label(field)}: {rest.replace('_', ' ')}" if colon and field.isidentifier() else reason
