"""Finds what keeps the system from working now. Each problem has a reason.

A state that may pass within moments (a stage that is working, a process that starts, a group that rebalances) is
watched until it changes, for `PATIENCE_SECONDS` at most. So an idle, healthy system answers at once.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition

from application.lag import GROUPS, SINK, STAGES, Backlog, Lags
from application.process_records import ProcessRecord, how_it_ended, read_records
from application.restart_pauses import HEALTHY_SECONDS
from sink.consumer import GROUP as SINK_GROUP
from sink.consumer import not_filled_from
from streams.settings import Settings
from streams.transactions import BlockedPartition, held_partitions

PATIENCE_SECONDS: Final = 15.0
"""How long a stage may make no progress before that is a problem. A killed worker's partitions are taken over by then.
"""
LOOK_SECONDS: Final = 0.5
PROBE_SECONDS: Final = 2.0
"""After so long without a commit, check whether there is a record at all. Stages commit once a second."""
RECENT_SECONDS: Final = 300.0
OFTEN: Final = 3
"""A process keeps ending if it ended so often in the last `RECENT_SECONDS` and has not run for long since."""
_ANSWER_SECONDS: Final = 5.0
"""How long a process may take to answer at `/ready`."""

_NOTHING_HELD: Final[Mapping[TopicPartition, BlockedPartition]] = MappingProxyType({})
Stages = dict[str, dict[str, list[Backlog]]]


class OperationalProblem(msgspec.Struct, frozen=True):
    """One thing that is wrong. `what`: what it is about. The reason is a sentence."""

    what: str
    reason: str


# -- processes --------------------------------------------------------------------------------------------------------


def keeps_ending(record: ProcessRecord, now: float) -> OperationalProblem | None:
    """Return the problem with a supervised process that ends again and again, if it does."""
    recent = [end for end in record.ends if now - end.at < RECENT_SECONDS]
    settled = record.pid is not None and now - record.started_at > HEALTHY_SECONDS
    if len(recent) < OFTEN or settled:
        return None
    last = recent[-1]
    why = f": {last.reason}" if last.reason else ""
    reason = f"keeps ending, {len(recent)} times in the last {RECENT_SECONDS / 60:.0f} minutes; last it "
    return OperationalProblem(record.name, f"{reason}{how_it_ended(last.status)}{why}")


async def not_ready(record: ProcessRecord) -> OperationalProblem | None:
    """Ask a supervised process whether it is ready. Return the problem that it names, if any."""
    if record.pid is None:
        last = record.ends[-1] if record.ends else None
        description = (
            f"{how_it_ended(last.status)}{f': {last.reason}' if last.reason else ''}"
            if last
            else "does not run"
        )
        return OperationalProblem(record.name, f"{description}; it is started again")
    if record.ready_url is None:
        return None
    import aiohttp  # noqa: PLC0415  # a console imports this module, and asks no process

    timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(record.ready_url) as answer:
            if answer.status == HTTPStatus.OK:
                return None
            answer_body = await answer.json()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return OperationalProblem(
            record.name, f"does not answer at {record.ready_url}: {str(error) or type(error).__name__}"
        )
    return OperationalProblem(record.name, f"is not ready: {_in_the_way(answer_body)}")


def _in_the_way(body: Any) -> str:
    """Return the reasons from a `/ready` page, in the formats of sink, board and worker."""
    if not isinstance(body, dict):
        return "it does not say why"
    reasons = body.get("reasons")
    if isinstance(reasons, list) and reasons:
        return "; ".join(
            f"{reason.get('what')}: {reason.get('reason')}" for reason in reasons if isinstance(reason, dict)
        )
    if isinstance(waits := body.get("not_ready"), list) and waits:
        return ", ".join(str(wait).replace("_", " ") for wait in waits)
    return str(body.get("trouble") or "it does not say why")


# -- stages -----------------------------------------------------------------------------------------------------------


def stands_still(
    backlogs: Iterable[Backlog],
    members: dict[str, int],
    blocked: Mapping[TopicPartition, BlockedPartition] = _NOTHING_HELD,
) -> list[OperationalProblem]:
    """Return the problems of partitions that have records and made no progress.

    `blocked`: the broker's information on the transactions that hold partitions back.
    """
    problems = []
    stages: Stages = {}
    for backlog in backlogs:
        if is_held_back(backlog):
            problems.append(_held_back(backlog, blocked.get(backlog.topic_partition)))
        elif members.get(_group(backlog.stage), 1):
            stages.setdefault(backlog.stage, {}).setdefault(backlog.topic, []).append(backlog)
    for stage, topics in stages.items():
        for topic, waiting in topics.items():
            count = sum(backlog.records for backlog in waiting)
            numbers = ", ".join(str(backlog.partition) for backlog in waiting)
            partitions = "partition" if len(waiting) == 1 else "partitions"
            reason = (
                f"does not move: {count:,} {'record' if count == 1 else 'records'} of {topic} in {partitions} "
                f"{numbers} wait, and none was handled in the last {PATIENCE_SECONDS:.0f} seconds"
            )
            problems.append(OperationalProblem(stage, reason))
    return problems


def is_held_back(backlog: Backlog) -> bool:
    """Return whether all readable records are handled and an open transaction holds back the rest."""
    return backlog.handled >= backlog.readable < backlog.end


def _held_back(backlog: Backlog, blocked: BlockedPartition | None) -> OperationalProblem:
    count = backlog.end - backlog.readable
    behind = f"{count:,} {'record' if count == 1 else 'records'} behind it"
    return OperationalProblem(
        backlog.stage,
        f"partition {backlog.partition} of {backlog.topic} is held back from offset {backlog.readable} on, with "
        f"{behind}: {_holder(blocked)} has a transaction open. It ends by the producer's transaction.timeout.ms, or by "
        "`kafka-transactions.sh abort`",
    )


def _holder(blocked: BlockedPartition | None) -> str:
    """Return who holds a partition back, as the subject of a sentence."""
    if blocked is None or blocked.producer_id is None:
        return "a producer"
    name = f" (transactional id {blocked.transactional_id})" if blocked.transactional_id else ""
    since = f", which last wrote at {blocked.since:%Y-%m-%d %H:%M:%S} UTC," if blocked.since else ""
    return f"producer {blocked.producer_id}{name}{since}"


def _group(stage: str) -> str:
    return STAGES[stage][0] if stage in STAGES else SINK_GROUP if stage == SINK else ""


def nobody_runs(members: dict[str, int], backlogs: Iterable[Backlog]) -> list[OperationalProblem]:
    """Return the problems of groups without a member."""
    problems = []
    for group in GROUPS:
        if members.get(group, 0) == 0:
            count = sum(backlog.records for backlog in backlogs if _group(backlog.stage) == group)
            name = group.removeprefix("firstclaim-")
            waits = f", and {count:,} {'record waits' if count == 1 else 'records wait'}" if count else ""
            problems.append(
                OperationalProblem(name, f"does not run: no process is in the group {group}{waits}")
            )
    return problems


def ahead_of_kafka(backlogs: Iterable[Backlog]) -> OperationalProblem | None:
    """Return the problem of a CRM database that was filled from another Kafka, if it was."""
    for backlog in backlogs:
        if backlog.stage == SINK and backlog.handled > backlog.end:
            return OperationalProblem(SINK, not_filled_from(backlog.partition, backlog.end, backlog.handled))
    return None


# -- waiting for progress ---------------------------------------------------------------------------------------------


class StateWatch:
    """Watches states that may pass within seconds. `backlogs`: as last read. `empty`: without readable records."""

    def __init__(self, settings: Settings, lags: Lags) -> None:
        self._settings = settings
        self._lags = lags
        self.backlogs: list[Backlog] = []
        self.empty: set[tuple[str, Any]] = set()

    def lag(self) -> dict[str, int]:
        """Return records not yet handled, by stage."""
        lag: dict[str, int] = {}
        for backlog in self.backlogs:
            records = 0 if (backlog.stage, backlog.topic_partition) in self.empty else backlog.records
            lag[backlog.stage] = lag.get(backlog.stage, 0) + records
        return lag

    async def problems(self) -> list[OperationalProblem]:
        """Return what made no progress for `PATIENCE_SECONDS`. Raises KafkaError where Kafka is unreachable."""
        self.backlogs = await self._lags.backlogs()
        standing = {
            (backlog.stage, backlog.topic_partition): backlog for backlog in self.backlogs if backlog.records
        }
        began = time.monotonic()
        while True:
            members = await self._lags.members()
            for key, backlog in list(standing.items()):
                has_stood = time.monotonic() - began > PROBE_SECONDS
                if has_stood and await self._lags.is_empty(backlog):
                    self.empty.add(key)
                    del standing[key]
            problems = [*nobody_runs(members, self.backlogs), *stands_still(standing.values(), members)]
            if not problems:
                return problems
            if time.monotonic() - began > PATIENCE_SECONDS:
                blocked = await self._holders(standing.values())
                return [
                    *nobody_runs(members, self.backlogs),
                    *stands_still(standing.values(), members, blocked),
                ]
            await asyncio.sleep(LOOK_SECONDS)
            self.backlogs = await self._lags.backlogs()
            now = {(backlog.stage, backlog.topic_partition): backlog for backlog in self.backlogs}
            standing = {
                key: now[key]
                for key, before in standing.items()
                if key in now and now[key].records and now[key].handled == before.handled
            }

    async def _holders(self, backlogs: Iterable[Backlog]) -> dict[TopicPartition, BlockedPartition]:
        """Ask the broker whose transactions hold partitions back."""
        topics = {backlog.topic for backlog in backlogs if is_held_back(backlog)}
        if not topics:
            return {}
        blocked = await held_partitions(self._settings, topics, longer_than=timedelta(0))
        return {TopicPartition(partition.topic, partition.partition): partition for partition in blocked}


async def of_processes(settings: Settings) -> list[OperationalProblem]:
    """Return the problems of supervised processes. Each is polled until it is ready or the patience ends."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        records = await asyncio.to_thread(read_records, settings.state_dir)
        results = [keeps_ending(record, time.time()) or await not_ready(record) for record in records]
        problems = [problem for problem in results if problem is not None]
        if not problems or time.monotonic() > give_up:
            return problems
        await asyncio.sleep(LOOK_SECONDS)
