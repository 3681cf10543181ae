"""Checks that no event but a person's action changes what a person corrected of a lead (M2)."""

from typing import Any

from models.events import ActionRequested
from models.lead import Lead


def undone_corrections(was: Lead | None, now: Lead | None, event: Any) -> list[str]:
    """Return the corrected fields that an event changed or does not protect any more.

    An inquiry may ask for silence, although a person lifted it before. An erased lead has no facts.
    """
    if was is None or now is None or was.corrections is None or now.erased_at is not None:
        return []
    if isinstance(event, ActionRequested):
        return []
    still = now.corrections.fields if now.corrections is not None else ()
    return [
        name
        for name in was.corrections.fields
        if name not in still
        or (
            getattr(was.facts, name) != getattr(now.facts, name)
            and not (name == "silenced" and now.facts.silenced)
        )
    ]
