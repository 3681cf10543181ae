"""Checks in the journal of an org that no rep is more than one turn ahead of another (R7)."""

from collections import Counter
from collections.abc import Mapping
from contextlib import aclosing
from fractions import Fraction

import msgspec

from application.journal_snapshot import partition_of_key
from models.codec import decode_org_record
from models.offers import OfferMade
from models.org_decisions import CapacityReturned, OrgStep
from streams.settings import Settings
from streams.topic_reader import read_topic
from streams.topics import ORG_JOURNAL


class TurnShares(msgspec.Struct, frozen=True, kw_only=True):
    """The turns of one group. `counts`: by rep. `most_apart`: the largest difference of two judged reps at any time.

    `off_share`: the largest difference between a judged rep and the exact share of its weight, at any time.
    """

    turns: int
    counts: dict[str, int]
    most_apart: int
    off_share: float


def judge(turns: list[str], weights: Mapping[str, int]) -> TurnShares:
    """Judge a group's turns, in order, by the reps of `weights`. Turns of other reps are only counted.

    Equal weights are judged by the difference of counts, other weights by each rep's share of the judged reps' turns.
    """
    counts = Counter(dict.fromkeys(weights, 0))
    total, count = sum(weights.values()), 0
    apart, deviation = 0, Fraction(0)
    others: Counter[str] = Counter()
    for rep_id in turns:
        if rep_id not in weights:
            others[rep_id] += 1
            continue
        counts[rep_id] += 1
        count += 1
        apart = max(apart, max(counts.values()) - min(counts.values()))
        deviation = max(
            deviation, *(abs(counts[member] - Fraction(count * n, total)) for member, n in weights.items())
        )
    return TurnShares(
        turns=len(turns),
        counts={**counts, **others},
        most_apart=apart,
        off_share=round(float(deviation), 3),
    )


async def turns_of(settings: Settings, org: str) -> dict[str, list[str]]:
    """Return group id -> the reps whose turn it was in round robin, in order.

    An offer that makes up for a voided one is no turn of its own (R7). Raises `RetryableError` where Kafka is
    unreachable.
    """
    partition, watermark = partition_of_key(org, settings), -1
    by_group: dict[str, list[str]] = {}
    group_of: dict[str, str] = {}
    owed: Counter[tuple[str, str]] = Counter()
    async with aclosing(read_topic(settings, ORG_JOURNAL, partitions={partition})) as records:
        async for record in records:
            if record.value is None:
                continue
            step = decode_org_record(record.value)
            if not isinstance(step, OrgStep) or step.off <= watermark:
                continue  # a row, or a repeat by a worker that had lost the partition
            watermark = step.off
            if step.org != org:
                continue
            for decision in step.decisions:
                if isinstance(decision, OfferMade) and decision.method == "round_robin":
                    group_of[decision.lead_id] = decision.group_id
                    if owed[decision.group_id, decision.rep_id]:
                        owed[decision.group_id, decision.rep_id] -= 1
                    else:
                        by_group.setdefault(decision.group_id, []).append(decision.rep_id)
                elif isinstance(decision, CapacityReturned) and decision.turn == "owed":
                    owed[group_of[decision.lead_id], decision.rep_id] += 1
    return by_group
