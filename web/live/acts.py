"""Tells a person's other open pages what that person has just done to a lead, so that two tabs agree (D1-D3).

It also remembers the versions, so that whoever opens a lead right after an act sees it as it is then.
"""

from collections import OrderedDict
from typing import Final

from models.public import LeadDecision
from models.results import Result
from web.live.hub import Hub, OpenPage

_EFFECTIVE: Final = frozenset({Result.WON, Result.DONE})
_MAX_LEADS: Final = 10_000
"""Of how many leads the version is remembered. The CRM database has an older act long since."""


def tell_acts(hub: Hub, answer: LeadDecision) -> None:
    """Send `acted` to the pages of the person who acted. `version`: of the lead after the act."""
    if answer.result not in _EFFECTIVE or not answer.org:
        return

    def is_theirs(page: OpenPage) -> bool:
        return page.rep_id == answer.rep_id

    hub.tell(answer.org, "acted", {"lead_id": answer.lead_id, "version": answer.version}, is_theirs)


class ActedVersions:
    """The version of a lead after the newest act on it, of the leads that were acted on last."""

    def __init__(self) -> None:
        self._versions: OrderedDict[str, int] = OrderedDict()

    def note(self, answer: LeadDecision) -> None:
        """Remember the version after an act that had an effect."""
        if answer.result in _EFFECTIVE:
            self._versions[answer.lead_id] = max(answer.version, self.of(answer.lead_id))
            self._versions.move_to_end(answer.lead_id)
            while len(self._versions) > _MAX_LEADS:
                self._versions.popitem(last=False)

    def forget(self, lead_id: str) -> None:
        """Forget a lead's version: the database did not get it in time."""
        self._versions.pop(lead_id, None)

    def of(self, lead_id: str) -> int:
        """Return a lead's version after its newest act; 0 if none is remembered."""
        return self._versions.get(lead_id, 0)
