"""Counts the recent numbers of an org once for all pages, so that more pages cause no more database load."""

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from time import monotonic
from typing import Any, Final

import msgspec
from sqlalchemy import Engine

from rules.queues.rule_book import OrgRules
from sink import measures
from sink.db_errors import translated_errors
from sink.measures import ClaimCounts, FirstOwnerSpeed, OfferCounts, ShareOfRep
from sink.queries import leads_by_phase

FRESH_SECONDS: Final = 1.5
KEPT: Final = 100


class Window(IntEnum):
    """The time windows that can be chosen, in minutes."""

    QUARTER = 15
    HOUR = 60
    FOUR_HOURS = 240


class GroupShares(msgspec.Struct, frozen=True):
    """A group and each rep's share. Rep "" stands for reps who were passed over without being named."""

    group_id: str
    name: str
    method: str
    weights: dict[str, int]
    shares: dict[str, ShareOfRep]
    nobody: dict[str, int]


class OrgMeasures(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one org over one window. `since`: the start of the interval in which everything was counted."""

    at: datetime
    minutes: int
    since: datetime
    cut: bool
    arrivals: dict[datetime, int]
    claims: dict[datetime, ClaimCounts]
    speed: FirstOwnerSpeed
    speeds: dict[datetime, FirstOwnerSpeed]
    offers: dict[str, OfferCounts]
    raised: dict[str, int]
    open: dict[str, int]
    phases: dict[str, int]
    groups: tuple[GroupShares, ...]


class Measures:
    """Counts on demand. Requests during a count, or shortly after it, get the same numbers."""

    def __init__(self, crm: Engine) -> None:
        self._crm = crm
        self._cache: OrderedDict[tuple[str, int], tuple[float, OrgMeasures]] = OrderedDict()
        self._locks: dict[tuple[str, int], asyncio.Lock] = {}

    async def of(self, rules: OrgRules, minutes: int) -> OrgMeasures:
        """Return an org's numbers over the last minutes. Raises `RetryableError` if the database is unavailable."""
        key = (rules.org, minutes)
        async with self._locks.setdefault(key, asyncio.Lock()):
            counted_at, recent = self._cache.get(key, (0.0, None))
            if recent is not None and monotonic() - counted_at < FRESH_SECONDS:
                return recent
            measures = await asyncio.to_thread(_count, self._crm, rules, minutes)
            self._cache[key] = (monotonic(), measures)
            self._cache.move_to_end(key)
            while len(self._cache) > KEPT:
                forgotten, _ = self._cache.popitem(last=False)
                self._locks.pop(forgotten, None)
            return measures


def _count(crm: Engine, rules: OrgRules, minutes: int) -> OrgMeasures:
    now = datetime.now(UTC)
    # Start at the beginning of a minute, so that the first minute is complete.
    since = now.replace(second=0, microsecond=0) - timedelta(minutes=minutes - 1)
    org = rules.org
    with translated_errors("CRM database"), crm.connect() as connection:
        arrivals, arrivals_cut = measures.arrivals(connection, org, since)
        claims, claims_cut = measures.claims(connection, org, since)
        speed, speeds, speeds_cut = measures.first_owners(connection, org, since)
        shares, nobody, shares_cut = measures.fairness(connection, org, since)
        cuts = (arrivals_cut, claims_cut, speeds_cut, shares_cut)
        return OrgMeasures(
            at=now,
            minutes=minutes,
            since=max(cut.since for cut in cuts),
            cut=any(cut.cut for cut in cuts),
            arrivals=arrivals,
            claims=claims,
            speed=speed,
            speeds=speeds,
            offers=measures.offers(connection, org, since),
            raised=measures.exceptions_raised(connection, org, since),
            open=measures.exceptions_open(connection, org),
            phases=leads_by_phase(connection, org),
            groups=_groups(rules, shares, nobody),
        )


def _groups(
    rules: OrgRules, shares: dict[str, dict[str, ShareOfRep]], nobody: dict[str, dict[str, int]]
) -> tuple[GroupShares, ...]:
    """Return every group that gives leads to reps, with its whole roster, even if it gave none."""
    groups = []
    for group_id in sorted({*rules.groups, *shares, *nobody}):
        published = rules.objects.get(("group", group_id))
        value: dict[str, Any] = (published.value if published else None) or {}
        weights = {member["rep_id"]: member.get("weight", 1) for member in value.get("members", ())}
        rep_shares = shares.get(group_id, {})
        if value.get("method") == "queue" and not rep_shares:
            continue
        groups.append(
            GroupShares(
                group_id=group_id,
                name=value.get("name") or group_id,
                method=value.get("method", ""),
                weights=weights,
                shares={
                    rep_id: rep_shares.get(rep_id) or ShareOfRep(0, 0, 0, 0, 0, {})
                    for rep_id in [
                        *weights,
                        *(other_id for other_id in rep_shares if other_id not in weights),
                    ]
                },
                nobody=nobody.get(group_id, {}),
            )
        )
    return tuple(groups)
