"""Defines why a lead is an exception, as its row and a merge of it remember it."""

from datetime import datetime
from typing import Any

import msgspec


class OpenException(msgspec.Struct, frozen=True, gc=False):
    """The reason why a lead is an exception (E1), with the reason for each queue or rep that did not take it."""

    reason: str
    explanation: tuple[dict[str, Any], ...]
    raised_at: datetime
