"""Gives each catalogue field as an SQL expression over the lead's row, equal to what its closure reads."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Double,
    LargeBinary,
    and_,
    case,
    cast,
    collate,
    false,
    func,
    not_,
    or_,
    true,
)

from rules.language.catalogue import Field
from rules.language.operators import FieldType
from rules.queues.sort_key import MAX_BYTES
from sink.sql.comparison_keys import NUMBER, READ, VALUE, key_of
from sink.tables import LeadTable

Expression = ColumnElement[Any]

_LEAD: Final = LeadTable
_COMPUTED: Final[dict[str, Callable[[], Expression]]] = {
    "owned": lambda: _LEAD.owner.is_not(None),
    "owned_by_active": lambda: and_(_LEAD.owner.is_not(None), not_(func.coalesce(_LEAD.owner_left, false()))),
    "claimed_once": lambda: _LEAD.claimed_through.is_not(None),
}
"""Fields that are computed from columns. They are never NULL."""
_SINCE: Final = {"days_in_queue": "in_queue_since"}
"""Fields that count days -> the column of the instant from which they count.

Every other field is the column of its name, or an attribute.
"""


class LeadColumns:
    """The fields as one dialect reads them, `sqlite` or `postgresql`."""

    def __init__(self, dialect: str) -> None:
        self._postgres = dialect == "postgresql"

    def raw(self, field: Field) -> Expression:
        """Return the value of its column; NULL where the lead has none. Not for attributes.

        For a number of days it is the instant from which they count.
        """
        if field.name == "created_at":
            # The column holds the time of arrival where the vendor gave none. For a rule the field then has no value.
            return case((self._comparison_key("created_at").is_(None), _LEAD.created_at))
        computed = _COMPUTED.get(field.name)
        return computed() if computed else getattr(_LEAD, _SINCE.get(field.name, field.name)).expression

    def present(self, field: Field) -> Expression:
        """Return the condition that the lead has a value: true or false, never NULL."""
        if field.type is FieldType.ATTRIBUTE:
            key = key_of(field.name)
            return or_(self._comparison_key(key).is_not(None), self._comparison_key(VALUE + key).is_not(None))
        return true() if field.name in _COMPUTED else self.raw(field).is_not(None)

    def folded(self, field: Field) -> Expression:
        """Return a text or an attribute as closures compare it: folded, ordered by code point."""
        stored_key = self._comparison_key(key_of(field.name))
        if field.type is FieldType.ATTRIBUTE:
            return self._by_code(stored_key)
        # Both databases compute the lower case of ASCII alike. Texts with other letters are in `stored_key`.
        return func.coalesce(stored_key, func.lower(self._by_code(self.raw(field))))

    def number(self, field: Field) -> Expression:
        """Return an attribute as a number; NULL where it is none."""
        return func.coalesce(self.sent_number(field), self._number(READ, field))

    def sent_number(self, field: Field) -> Expression:
        """Return an attribute that came as a number; NULL where it came as anything else."""
        return self._number(NUMBER, field)

    def contains(self, text: Expression, part: str) -> Expression:
        """Return the condition that a text contains a part."""
        return (func.strpos if self._postgres else func.instr)(text, part) > 0

    def first_bytes(self, text: Expression) -> Expression:
        """Return the beginning of a text, which is what an order compares (`rules.queues.sort_key`)."""
        raw = func.convert_to(text, "UTF8") if self._postgres else cast(text, LargeBinary)
        return func.substr(raw, 1, MAX_BYTES)

    def by_id(self) -> Expression:
        """Return the lead's id in the order that both databases and Python share."""
        return self._by_code(_LEAD.lead_id.expression)

    def _number(self, kind: str, field: Field) -> Expression:
        return cast(self._comparison_key(kind + key_of(field.name)), Double)

    def _by_code(self, text: Expression) -> Expression:
        return collate(text, "C") if self._postgres else text

    def _comparison_key(self, key: str) -> Expression:
        if self._postgres:
            return func.jsonb_extract_path_text(_LEAD.asked, key)
        return func.json_extract(_LEAD.asked, f'$."{key}"')
