"""Each field of the catalogue as an expression over the lead's row, reading what its closure reads from the lead."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import ColumnElement, Double, LargeBinary, Text, case, cast, collate, func, true, type_coerce

from models.errors import Problem, RuleErrors
from rules.catalogue import ATTRIBUTES, Field
from rules.operators import FieldType
from rules.sortkey import MAX_BYTES
from sink.asked import AS_NUMBER
from sink.tables import LeadTable

Expression = ColumnElement[Any]

_LEAD: Final = LeadTable
_COMPUTED: Final[dict[str, Callable[[], Expression]]] = {
    "owned": lambda: _LEAD.owner.is_not(None),
    "claimed_once": lambda: _LEAD.claimed_through.is_not(None),
}
"""Fields that follow from a column. Every other one is the column of its name."""
_UNQUOTABLE: Final = frozenset('"\\')
_KINDS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "sqlite": {"number": ("integer", "real"), "text": ("text",), "truth": ("true", "false")},
    "postgresql": {"number": ("number",), "text": ("string",), "truth": ("boolean",)},
}
"""What each database calls the kinds of a JSON value."""


class LeadColumns:
    """The fields as one dialect reads them, `sqlite` or `postgresql`."""

    def __init__(self, dialect: str) -> None:
        self._postgres = dialect == "postgresql"
        self._kinds = _KINDS["postgresql" if self._postgres else "sqlite"]

    def raw(self, field: Field) -> Expression:
        """Return the value as its column has it; NULL where the lead has none. Not for attributes."""
        if field.name == "created_at":
            # The column has the arrival's time where the vendor gave none; a rule then reads nothing.
            return case((self._asked("created_at").is_(None), _LEAD.created_at))
        computed = _COMPUTED.get(field.name)
        return computed() if computed else getattr(_LEAD, field.name).expression

    def present(self, field: Field) -> Expression:
        """Return whether the lead has a value; true or false, never NULL."""
        if field.type is FieldType.ATTRIBUTE:
            return func.coalesce(self._kind(field), "null") != "null"
        return true() if field.name in _COMPUTED else self.raw(field).is_not(None)

    def folded(self, field: Field) -> Expression:
        """Return a text or an attribute as closures compare texts: folded, ordered by code point."""
        asked = self._asked(field.name)
        if field.type is not FieldType.ATTRIBUTE:
            return func.coalesce(asked, self._lower(self.raw(field)))
        kind, text = self._kind(field), self._text(field)
        whole = cast(text, Text)
        spelled = text if self._postgres else kind  # SQLite reads a truth as 0 or 1, and names its kind
        return func.coalesce(
            asked,
            case(
                (kind.in_(self._kinds["text"]), self._lower(text)),
                (kind.in_(self._kinds["truth"]), spelled),
                (kind.in_(self._kinds["number"]), self._by_code(whole)),
            ),
        )

    def number(self, field: Field) -> Expression:
        """Return an attribute as a number; NULL where it is none."""
        asked = cast(self._asked(AS_NUMBER + field.name), Double)
        plain = case((self._kind(field).in_(self._kinds["number"]), cast(self._text(field), Double)))
        return func.coalesce(asked, plain)

    def sent_as_number(self, field: Field) -> Expression:
        """Return whether an attribute came as a number, not as a text that reads as one."""
        return func.coalesce(self._kind(field), "null").in_(self._kinds["number"])

    def contains(self, text: Expression, part: str) -> Expression:
        """Return whether a text has a part somewhere."""
        return (func.strpos if self._postgres else func.instr)(text, part) > 0

    def first_bytes(self, text: Expression) -> Expression:
        """Return the beginning of a text that takes part in an order (`rules.sortkey`)."""
        raw = func.convert_to(text, "UTF8") if self._postgres else cast(text, LargeBinary)
        return func.substr(raw, 1, MAX_BYTES)

    def by_id(self) -> Expression:
        """Return the lead's id, in the one order both databases and Python have."""
        return self._by_code(_LEAD.lead_id.expression)

    def _by_code(self, text: Expression) -> Expression:
        return collate(text, "C") if self._postgres else text

    def _lower(self, text: Expression) -> Expression:
        return func.lower(self._by_code(text))  # of ASCII only, in both: what has more is in `asked`

    def _asked(self, key: str) -> Expression:
        if self._postgres:
            return func.jsonb_extract_path_text(_LEAD.asked, key)
        return func.json_extract(_LEAD.asked, f'$."{key}"')

    def _kind(self, field: Field) -> Expression:
        if self._postgres:
            return func.jsonb_typeof(func.jsonb_extract_path(_LEAD.facts, *self._path(field)))
        return func.json_type(_LEAD.facts, self._sqlite_path(field))

    def _text(self, field: Field) -> Expression:
        if self._postgres:
            return type_coerce(func.jsonb_extract_path_text(_LEAD.facts, *self._path(field)), Text)
        return type_coerce(func.json_extract(_LEAD.facts, self._sqlite_path(field)), Text)

    def _path(self, field: Field) -> tuple[str, str]:
        return "attributes", field.name.removeprefix(ATTRIBUTES)

    def _sqlite_path(self, field: Field) -> str:
        return f'$.attributes."{field.name.removeprefix(ATTRIBUTES)}"'


def askable(field: Field, path: str) -> None:
    """Raise `RuleErrors` where a field cannot be named to a database, with its path in the rule."""
    if field.type is FieldType.ATTRIBUTE and _UNQUOTABLE & set(field.name):
        reason = "an attribute whose name has quotes or backslashes cannot be counted or listed"
        raise RuleErrors((Problem(path=path, field=field.name, reason=reason),))
