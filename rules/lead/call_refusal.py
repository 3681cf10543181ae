"""Says whether a lead may be called, and if not, why and from when on it may be (X6, M8)."""

from datetime import datetime
from typing import Final

import msgspec

from models.directory import OrgSettings
from models.lead import Lead
from models.results import Reason
from rules.calendar.quiet_hours import clock, quiet_until
from rules.calendar.schedule import zone_of

SILENCED: Final = "silenced communication is on: it is not to be called"

UNCHECKED: Final = (
    "its phone or mail address was corrected just now, and the do-not-contact list is being checked"
)


class CallRefusal(msgspec.Struct, frozen=True):
    """The reason why a lead must not be called. `zone`: where it is quiet. `until`: when that ends, if it ever does.

    `problem`: the reason without that end, for who shows the end as a time; None if it is `why`.
    """

    reason: Reason
    why: str
    zone: str | None = None
    until: datetime | None = None
    problem: str | None = None


def suppression(lead: Lead) -> CallRefusal | None:
    """Return why a lead must not be called at any time: it is silenced, or on the do-not-contact list."""
    if lead.facts.silenced:
        return CallRefusal(Reason.SUPPRESSED, SILENCED)
    if lead.corrections is not None and lead.corrections.unchecked:
        return CallRefusal(Reason.SUPPRESSED, UNCHECKED)
    if not lead.suppressed:
        return None
    listed = "; ".join(f"{handle.partition('/')[2]}: {why}" for handle, why in lead.suppressed.items())
    return CallRefusal(Reason.SUPPRESSED, f"it is on the do-not-contact list ({listed})")


def quiet_hours_refusal(lead: Lead, settings: OrgSettings, at: datetime) -> CallRefusal | None:
    """Return why a lead must not be called at an instant (aware), because it is quiet where the lead is."""
    quiet = quiet_until(settings.quiet_hours, lead.facts, at)
    if quiet is None:
        return None
    zone, until = quiet
    ends = f"until {until.isoformat()}" if until else "at any time"
    problem = f"it is {clock(zone, at)} in {zone}"
    return CallRefusal(
        Reason.QUIET_HOURS, f"{problem}: no calls {ends}", zone=zone, until=until, problem=problem
    )


def call_refusal(lead: Lead, settings: OrgSettings, at: datetime) -> CallRefusal | None:
    """Return why a lead must not be called at an instant (aware); None if it may be called."""
    if refusal := suppression(lead):
        return refusal
    if lead.facts.phone is None:
        return CallRefusal(Reason.NO_PHONE, "it has no phone number that could be called")
    return quiet_hours_refusal(lead, settings, at)


def local_time(refusal: CallRefusal) -> datetime | None:
    """Return when a lead may be called again, in the lead's own time; None if it is never, or not by time alone."""
    if refusal.until is None or refusal.zone is None:
        return None
    return refusal.until.astimezone(zone_of(refusal.zone))
