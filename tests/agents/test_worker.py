"""A worker is ready only while it handles events, stops cleanly, and names the reason if it does not start."""

from __future__ import annotations

import asyncio
import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from agents.worker import STALLED_SECONDS, Health, Patience
from models.codec import decode_org_record
from models.errors import ConfigError
from models.org_decisions import OrgStep
from runtime.process import free_port
from streams import patches
from streams.membership_lease import Lease
from streams.process_exit import ExitCode
from streams.topics import LEAD_ARRIVALS, LEAD_JOURNAL, LEAD_LOG, ORG_JOURNAL, ORG_LOG
from tests.agents.conftest import PARTITIONS, as_json, lead_arrival, queue
from tests.fixtures.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agents.conftest import Engine
    from tests.streams.faust.program import Program


@pytest.mark.parametrize(
    ("looks", "over"),
    [
        ([(0, True, 0), (10, True, 0)], False),
        ([(0, True, 0), (11, True, 0)], True),
        ([(0, True, 0), (8, True, 5), (18, True, 5)], False),
        ([(0, True, 0), (8, True, 5), (19, True, 5)], True),
        ([(0, True, 0), (8, False, 0), (12, True, 0), (20, True, 0)], False),
        ([(0, False, 0), (100, False, 0)], False),
    ],
)
def test_patience_ends_where_nothing_gets_on(looks: list[tuple[float, bool, int]], over: bool) -> None:
    """A worker that hangs while it starts or takes over is restarted. A long recovery is not interrupted."""
    patience = Patience(10)
    assert [patience.is_over(now, waits=waits, progress=handled) for now, waits, handled in looks][-1] is over


@pytest.mark.parametrize(
    ("state", "not_ready"),
    [
        ({}, []),
        ({"rebalancing": True}, ["rebalancing"]),
        ({"in_recovery": True}, ["in_recovery"]),
        ({"rebalancing": True, "in_recovery": True}, ["rebalancing", "in_recovery"]),
        ({"unassigned": True}, ["unassigned"]),
        ({"started": False}, ["starting"]),
        ({"stopping": True}, ["stopping"]),
        ({"heartbeat_age": 4.6}, ["lease_stale"]),
        ({"loop_age": STALLED_SECONDS + 1}, ["loop_stalled"]),
    ],
)
async def test_ready_means_that_events_are_handled_now(state: dict[str, Any], not_ready: list[str]) -> None:
    """Fact 13: a hung loop looks alive to Kafka, and stock Faust always says OK."""
    loop = asyncio.get_running_loop()
    lease = Lease(6.0)
    lease.renew(lease.awake_at - state.get("heartbeat_age", 0.0))
    app: Any = SimpleNamespace(
        lease=lease,
        rebalancing=state.get("rebalancing", False),
        in_recovery=state.get("in_recovery", False),
        unassigned=state.get("unassigned", False),
    )
    health = Health(app)
    health.started = state.get("started", True)
    health.stopping = state.get("stopping", False)
    health._ticked = loop.time() - state.get("loop_age", 0.0)
    ok, details = health.ready()
    assert (ok, details["not_ready"]) == (not not_ready, not_ready)
    assert health.health()[0] is ("loop_stalled" not in not_ready)


@pytest.mark.kafka
@pytest.mark.slow
async def test_ready_through_a_workers_life(engine: Engine) -> None:
    """The answers are: refused, 503 with reasons, 200, 503 while another worker joins.

    SIGTERM ends the worker cleanly.
    """
    await engine.tell(queue(), *(lead_arrival(f"lead-{n}") for n in range(100)))
    port = free_port()
    async with engine.worker(PORT=port) as worker, aiohttp.ClientSession() as session:
        answers = [await asked_until(session, worker, port, lambda answer: answer["ok"])]
        assert {"starting", "lease_stale"} & reasons(answers[0])
        assert answers[0][-1]["not_ready"] == []
        assert (await page(session, port, "health"))[0] == 200
        metrics = (await page(session, port, "metrics"))[1]
        assert "firstclaim_events_total" in metrics
        async with engine.worker() as second:
            answers.append(await asked_until(session, worker, port, lambda answer: not answer["ok"]))
            assert "rebalancing" in reasons(answers[1])
            await asked_until(session, worker, port, lambda answer: answer["ok"])
            second.signal(signal.SIGTERM)
            assert await second.exit_code() == 0
        await asked_until(
            session, worker, port, lambda answer: answer["ok"] and "rebalancing" not in answer["not_ready"]
        )
        worker.signal(signal.SIGTERM)
        assert await worker.exit_code() == 0
    ends = await engine.cluster.ends(engine.topic(LEAD_LOG))
    await engine.cluster.commits_reach(engine.group("worker"), engine.topic(LEAD_LOG), ends)


@pytest.mark.kafka
@pytest.mark.slow
async def test_a_graceful_stop_waits_for_what_is_under_way(engine: Engine) -> None:
    """The worker is told to stop with thousands of open arrivals.

    Everything it took is in the org's log and committed.
    """
    await engine.send(
        LEAD_ARRIVALS,
        [
            (n % PARTITIONS, None, as_json({"vendor": "acme", "external_id": str(n), "state": "RI"}))
            for n in range(3000)
        ],
    )
    async with engine.worker(COMMIT_SECONDS=600) as worker:

        async def begun() -> bool:
            return bool(sum((await engine.cluster.ends(engine.topic(ORG_LOG))).values()))

        await worker.until_async(begun, "it has begun")
        worker.signal(signal.SIGTERM)
        assert await worker.exit_code() == 0
    log = await engine.records(ORG_LOG)
    commits = await engine.cluster.commits(engine.group("worker"), engine.topic(LEAD_ARRIVALS))
    assert len(log) == sum(offset for offset, _ in commits.values())
    handled = await engine.cluster.commits(engine.group("worker"), engine.topic(ORG_LOG))
    records = [decode_org_record(record.value) for record in await engine.records(ORG_JOURNAL)]
    steps = sum(isinstance(record, OrgStep) for record in records)
    assert steps == sum(offset for offset, _ in handled.values())


@pytest.mark.kafka
async def test_a_recovery_that_fails_ends_the_process(engine: Engine) -> None:
    """Faust ignores an error there, so the worker would go on without rules and timers."""
    async with engine.worker(FAULTS="the_recovery_fails") as worker:
        await engine.tell(queue())
        # With an empty journal, no partition derives anything. After a restart there is one.
        await worker.until_async(lambda: journal_has_records(engine), "the queue is in the journal")
        await worker.kill9()
    async with engine.worker(FAULTS="the_recovery_fails") as worker:
        assert await worker.exit_code() == ExitCode.SOFTWARE
    assert "ZeroDivisionError('boom')" in worker.log.read_text()


@pytest.mark.kafka
async def test_a_topic_that_is_not_as_it_must_be_ends_the_process_with_78(engine: Engine) -> None:
    """A restart would not help. The log names the topic and its required config."""
    engine.prefix += "-bad"
    await engine.cluster.create(engine.topic(LEAD_LOG), PARTITIONS)
    async with engine.worker() as worker:
        assert await worker.exit_code() == ExitCode.CONFIG
    output = worker.log.read_text()
    assert f"topic {engine.topic(LEAD_LOG)}" in output
    assert "message.timestamp.type is 'CreateTime', it must be 'LogAppendTime'" in output


@pytest.mark.kafka
async def test_a_faust_without_its_c_extensions_is_refused_with_78(engine: Engine) -> None:
    async with engine.worker(NO_CYTHON=1) as worker:
        assert await worker.exit_code() == ExitCode.CONFIG
    assert "runs without its C extensions" in worker.log.read_text()


@pytest.mark.parametrize("package", sorted(patches.TESTED))
def test_other_versions_than_those_tested_are_refused_by_name(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = {**{name: versions[0] for name, versions in patches.TESTED.items()}, package: "0.99.1"}
    monkeypatch.setattr("importlib.metadata.version", installed.__getitem__)
    with pytest.raises(ConfigError, match=rf"^{package}: version 0\.99\.1 is untested here; the patches fit"):
        patches.check_versions()


def test_the_versions_that_are_installed_are_those_tested() -> None:
    patches.check_versions()


async def journal_has_records(engine: Engine) -> bool:
    """Return whether the journal has any record."""
    return bool(sum((await engine.cluster.ends(engine.topic(LEAD_JOURNAL))).values()))


async def page(session: aiohttp.ClientSession, port: int, name: str) -> tuple[int, str]:
    """Return status and text of a page."""
    async with session.get(f"http://127.0.0.1:{port}/{name}") as response:
        return response.status, await response.text()


async def asked_until(
    session: aiohttp.ClientSession, worker: Program, port: int, enough: Callable[[dict[str, Any]], bool]
) -> list[dict[str, Any]]:
    """Request `/ready` until it gives the expected answer; return all answers."""
    reports: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        # States between two others last for a tenth of a second. So this asks as often as it can.
        while not reports or not enough(reports[-1]):
            assert worker.ended is None, worker.ended
            await asyncio.sleep(0.002)
            try:
                async with session.get(f"http://127.0.0.1:{port}/ready") as response:
                    answer = await response.json()
            except aiohttp.ClientConnectionError:
                continue
            assert response.status == (200 if answer["ok"] else 503)
            reports.append(answer)
    return reports


def reasons(answers: list[dict[str, Any]]) -> set[str]:
    """Return every reason in the answers."""
    return {reason for answer in answers for reason in answer["not_ready"]}
