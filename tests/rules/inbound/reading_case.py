"""One message that a vendor sends, and what is read of it (docs/reading.md)."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class ReadingCase(NamedTuple):
    """One message: `sent` are its fields, or its whole text.

    `facts`: the facts that are read. `remarks`: what is under `attributes.invalid`, `assumed` and `remarks`, by name; a
    remark's own text is not compared. `kept`: attributes that stay as they were sent.
    """

    case: str
    sent: dict[str, Any] | str
    facts: dict[str, Any]
    invalid: Mapping[str, Any] = _NONE
    assumed: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    kept: Mapping[str, Any] = _NONE

    @property
    def text(self) -> str:
        """The message as text."""
        if isinstance(self.sent, str):
            return self.sent
        handles = {"vendor": "acme", "external_id": "A-1"}
        return json.dumps({**handles, **self.sent}, ensure_ascii=False)


def each_value(case: str, field: str, read: dict[Any, Any], **more: Any) -> list[ReadingCase]:
    return [ReadingCase(case, {field: sent}, {field: fact}, **more) for sent, fact in read.items()]


def unread_cases(case: str, field: str, *sent: Any) -> list[ReadingCase]:
    return [ReadingCase(case, {field: value}, {field: None}, {field: value}) for value in sent]
