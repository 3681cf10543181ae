"""Tells the other open pages of a person what that person has just done to a lead, so that two tabs agree (D1-D3)."""

from typing import Final

from models.public import LeadDecision
from models.results import Result
from web.live.hub import Hub, OpenPage

_EFFECTIVE: Final = frozenset({Result.WON, Result.DONE})


def tell_acts(hub: Hub, answer: LeadDecision) -> None:
    """Send `acted` to the pages of the person who acted. `version`: of the lead after the act."""
    if answer.result not in _EFFECTIVE or not answer.org:
        return

    def is_theirs(page: OpenPage) -> bool:
        return page.rep_id == answer.rep_id

    hub.tell(answer.org, "acted", {"lead_id": answer.lead_id, "version": answer.version}, is_theirs)
