"""Indexes the rows of one partition: ids that never arrived, the leads that each rep has open, waiting leads.

All follow from the rows alone, so a recovered partition has the same ones.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from models.lead import LeadRow, Row
from rules.lead.waiting import campaign_of, waits_at_rest

UNKNOWN_KEPT: Final = 250
"""The maximum number of ids in a partition that somebody acted on although no lead with them arrived. Their answers are
kept so that a repeated action gets the same answer (X4). Beyond it the oldest row is removed, also from the journal."""


class UnknownLeads:
    """The keys of rows without a lead, in the order of their last events. An id that was merged is not among them."""

    __slots__ = ("_offsets",)

    def __init__(self) -> None:
        self._offsets: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._offsets)

    def put(self, key: bytes, row: Row | None) -> None:
        """Follow a changed row; None for a removed one."""
        self._offsets.pop(key, None)
        if isinstance(row, LeadRow) and row.lead is None and row.merged_into is None:
            self._offsets[key] = row.off

    def sort(self) -> None:
        """Restore the order after rows were read from the journal."""
        self._offsets = dict(sorted(self._offsets.items(), key=lambda entry: entry[1]))

    def surplus(self, key: bytes, row: LeadRow) -> tuple[bytes, ...]:
        """Return the oldest keys, to be removed with the next row of `key`."""
        if row.lead is not None or row.merged_into is not None:
            return ()
        limit = UNKNOWN_KEPT - (key not in self._offsets)
        count = max(len(self._offsets) - limit, 0)
        return tuple(
            old_key for old_key, _ in zip(self._offsets, range(count + 1), strict=False) if old_key != key
        )[:count]

    def was_removed(self, off: int) -> bool:
        """Say whether the row of an event at this offset of the log must have been removed already."""
        if len(self._offsets) < UNKNOWN_KEPT:
            return False
        return off < next(iter(self._offsets.values()))


class OpenLeads:
    """The leads without an owner that each rep has open in this partition (D1)."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], dict[bytes, datetime]] = {}

    def put(self, key: bytes, before: Row | None, after: Row | None) -> None:
        """Follow a changed row."""
        former, current = _holder(before), _holder(after)
        if former is not None and (current is None or current[0] != former[0]):
            open_keys = self._keys[former[0]]
            open_keys.pop(key, None)
            if not open_keys:
                del self._keys[former[0]]
        if current is not None:
            self._keys.setdefault(current[0], {})[key] = current[1]

    def __bool__(self) -> bool:
        return bool(self._keys)

    def held_by(self, org: str, rep_id: str, at: datetime, *, but: bytes) -> tuple[str, ...]:
        """Return the ids of the leads a rep has open at an instant (aware), in order, without the lead `but`."""
        open_keys = self._keys.get((org, rep_id), {})
        return tuple(sorted(key.decode() for key, until in open_keys.items() if key != but and until > at))


class WaitingLeads:
    """The leads that nobody has and that wait, by org and by the campaign they name (M5)."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[str, dict[str, dict[bytes, datetime]]] = {}

    def put(self, key: bytes, before: Row | None, after: Row | None) -> None:
        """Follow a changed row."""
        former, current = _waiting(before), _waiting(after)
        if former is not None and (current is None or current[:2] != former[:2]):
            campaigns = self._keys[former[0]]
            campaigns[former[1]].pop(key, None)
            if not campaigns[former[1]]:
                del campaigns[former[1]]
        if current is not None:
            self._keys.setdefault(current[0], {}).setdefault(current[1], {})[key] = current[2]

    def campaigns(self, org: str) -> Collection[str]:
        """Return the campaigns that waiting leads of an org name; the empty one if some name none."""
        return self._keys.get(org, {}).keys()

    def keys(self, org: str, campaigns: Iterable[str]) -> list[bytes]:
        """Return the leads of an org that wait and name one of these campaigns, the oldest first."""
        by_campaign = self._keys.get(org, {})
        waiting = [(at, key) for name in campaigns for key, at in by_campaign.get(name, {}).items()]
        return [key for _, key in sorted(waiting)]


def _waiting(row: Row | None) -> tuple[str, str, datetime] | None:
    """Return org, named campaign and arrival of a lead that waits; None for any other row."""
    lead = row.lead if isinstance(row, LeadRow) else None
    if lead is None or not waits_at_rest(lead):
        return None
    return lead.facts.org, campaign_of(lead), lead.arrived_at


def _holder(row: Row | None) -> tuple[tuple[str, str], datetime] | None:
    """Return org and rep of a row's lock, and until when it lasts; None without a lock, or if the lead has an owner."""
    lead = row.lead if isinstance(row, LeadRow) else None
    if lead is None or lead.lock is None or lead.owner is not None:
        return None
    return (lead.facts.org, lead.lock.rep_id), lead.lock.until
