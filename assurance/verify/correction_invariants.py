"""Checks that no event but a person's action changes what a person corrected of a lead (M2)."""

from typing import Any

from models.events import ActionRequested
from models.lead import Lead


def undone_corrections(former: Lead | None, now: Lead | None, event: Any) -> list[str]:
    """Return the corrected fields that an event changed or does not protect any more.

    An inquiry may ask for silence, although a person lifted it before. An erased lead has no facts.
    """
    if former is None or now is None or former.corrections is None or now.erased_at is not None:
        return []
    if isinstance(event, ActionRequested):
        return []
    still = now.corrections.fields if now.corrections is not None else ()
    return [
        name
        for name in former.corrections.fields
        if name not in still
        or (
            getattr(former.facts, name) != getattr(now.facts, name)
            and not (name == "silenced" and now.facts.silenced)
        )
    ]
