"""Reads the facts of a correction by the same readers as those of an arrival (M2)."""

from typing import Any, Final

from models import normalize
from models.corrections import CORRECTABLE
from models.facts import Facts
from models.inbound import ARRIVAL_READERS
from models.location import with_zero

UPDATE: Final = "update"
"""The action's type (docs/contracts, `lead-actions`)."""
MAX_UNKNOWN: Final = 5
"""How many unknown fields a refusal names. The others are counted."""
_LONGEST_NAME: Final = 60


_READERS: Final = {name: ARRIVAL_READERS[name] for name in CORRECTABLE}


def read_corrections(sent: Any) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """Return the corrected facts in normal form, and what cannot be read: `facts.NAME` -> why.

    `sent`: the field `facts` of the action as sent; None if there is none. An empty value corrects a field to empty.
    """
    if sent is None:
        return None, {}
    if not isinstance(sent, dict):
        return None, {"facts": f"must be an object, not {normalize.kind_of(sent)}"}
    facts: dict[str, Any] = {}
    problems: dict[str, str] = {}
    unknown: list[str] = []
    for name, value in sent.items():
        if name in _READERS:
            try:
                facts[name] = _READERS[name](value)
            except ValueError as error:
                problems[f"facts.{name}"] = str(error)
        elif name in Facts.__struct_fields__:
            problems[f"facts.{name}"] = "belongs to the arrival, so it cannot be corrected"
        else:
            unknown.append(name)
    for name in unknown[:MAX_UNKNOWN]:
        problems[f"facts.{name[:_LONGEST_NAME]}"] = "is no fact that can be corrected"
    if unknown[MAX_UNKNOWN:]:
        problems["facts"] = f"{len(unknown) - MAX_UNKNOWN} more are no facts that can be corrected"
    if "facts.zip" in problems and (restored := with_zero(sent["zip"], facts.get("state"))):
        facts["zip"] = restored
        del problems["facts.zip"]
    if "silenced" in facts and facts["silenced"] is None:
        problems["facts.silenced"] = "must be yes or no, true or false"
    return facts, problems
