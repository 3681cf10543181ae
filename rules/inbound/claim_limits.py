"""Limits the claims of one rep in any 60 seconds. The org's settings name the limit.

Intake marks a claim beyond the limit, so the log says why it was refused. The counts are those of one worker and begin
anew when it starts. So a rep whose claims reach several workers may get the limit once from each of them.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from models.events import ActionRequested, DirectoryPublished
from models.publication import SettingsObject
from rules.lead.lifecycle import Trigger

WINDOW: Final = timedelta(seconds=60)
REPS_KEPT: Final = 10_000
"""The maximum number of reps whose claims are counted. Beyond it, whoever has not claimed for longest is forgotten."""
_DEFAULT: Final = int(SettingsObject.model_fields["claims_per_minute"].default)


class ClaimLimits:
    """Counts claims by org and rep. An org that has published neither settings nor reps has no limit."""

    def __init__(self) -> None:
        self._limits: dict[str, tuple[int, int]] = {}
        self._claims: OrderedDict[tuple[str, str], OrderedDict[str, datetime]] = OrderedDict()

    @property
    def counted_reps(self) -> int:
        """The number of reps whose claims are counted."""
        return len(self._claims)

    def publish(self, event: DirectoryPublished) -> None:
        """Apply a publication. Settings older than the known ones change nothing."""
        version, _ = self._limits.get(event.org, (-1, _DEFAULT))
        if event.kind == "rep":
            self._limits.setdefault(event.org, (-1, _DEFAULT))
        elif event.kind == "settings" and event.version >= version:
            published = (event.value or {}).get("claims_per_minute", _DEFAULT)
            self._limits[event.org] = (event.version, published)

    def checked(self, event: ActionRequested, at: datetime) -> ActionRequested:
        """Return the action, marked if it is a claim beyond the limit. `at`: the broker's time of the record.

        A repeat of a counted claim is neither counted nor refused (X4).
        """
        if event.action != Trigger.CLAIM or event.org not in self._limits:
            return event
        _, limit = self._limits[event.org]
        claims = self._claims_of(event.org, event.rep_id)
        while claims and next(iter(claims.values())) + WINDOW <= at:
            claims.popitem(last=False)
        if event.cause in claims:
            return event
        if len(claims) >= limit:
            next_at = next(iter(claims.values())) + WINDOW
            why = f"{event.rep_id} has claimed {len(claims)} leads within a minute, and {limit} are allowed; try again"
            return replace(event, over_limit=f"{why} at {next_at.isoformat(timespec='seconds')}")
        claims[event.cause] = at
        return event

    def _claims_of(self, org: str, rep_id: str) -> OrderedDict[str, datetime]:
        claims = self._claims.setdefault((org, rep_id), OrderedDict())
        self._claims.move_to_end((org, rep_id))
        if len(self._claims) > REPS_KEPT:
            self._claims.popitem(last=False)
        return claims
