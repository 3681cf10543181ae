"""A worker and a relay report at `/metrics` how far each stage is behind and how many dead letters it wrote."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import aiohttp
import pytest

from runtime.process import free_port
from streams.topics import LEAD_ARRIVALS, LEAD_JOURNAL, LEAD_LOG, ORG_JOURNAL, ORG_LOG
from tests.agents.conftest import PARTITIONS, as_json

if TYPE_CHECKING:
    from tests.agents.conftest import Engine

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

ARRIVALS = 60
_SAMPLE = re.compile(r"^(\w+)\{([^}]*)\} ([0-9.e+]+)$", re.MULTILINE)


class Metrics:
    """The samples of one page: (name, labels) -> value."""

    def __init__(self, text: str) -> None:
        self.samples = {
            (name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels))): float(value)
            for name, labels, value in _SAMPLE.findall(text)
        }

    def lag(self, stage: str, topic: str) -> dict[int, float]:
        """Return the lag of a stage in a topic by partition."""
        lags = {}
        for (name, labels), value in self.samples.items():
            fields = dict(labels)
            if name == "firstclaim_stage_lag_records" and (fields["stage"], fields["topic"]) == (
                stage,
                topic,
            ):
                lags[int(fields["partition"])] = value
        return lags

    def dead_letters(self, topic: str) -> float:
        """Return how many records of a topic became dead letters."""
        return sum(
            value
            for (name, labels), value in self.samples.items()
            if name == "firstclaim_dead_letters_total" and dict(labels)["topic"] == topic
        )


async def metrics(port: int) -> Metrics | None:
    """Return the samples of `/metrics`; None while nothing listens there."""
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/metrics") as answer,
        ):
            return Metrics(await answer.text())
    except aiohttp.ClientConnectionError:
        return None


async def test_each_stage_exports_its_lag_by_partition_and_what_it_buried(engine: Engine) -> None:
    """A worker that commits nothing lags by all records. The next one catches up, and so does the relay."""
    arrivals = [
        (n % PARTITIONS, None, as_json({"vendor": "acme", "external_id": f"lag-{n}", "state": "RI"}))
        for n in range(ARRIVALS)
    ]
    bad_records = [(0, None, b"x"), (1, None, b"{")]
    await engine.send(LEAD_ARRIVALS, [*arrivals, *bad_records])
    in_all = dict.fromkeys(range(PARTITIONS), ARRIVALS / PARTITIONS + 1)
    topic = engine.topic(LEAD_ARRIVALS)
    port = free_port()
    async with engine.worker(PORT=port, COMMIT_SECONDS=600) as worker:

        async def behind() -> bool:
            measured = await metrics(port)
            return (
                measured is not None
                and measured.lag("intake", topic) == in_all
                and measured.dead_letters(topic) == len(bad_records)
            )

        await worker.until_async(behind, "nothing is committed, and it says so")
        await worker.kill9()
    ports = {"worker": free_port(), "relay": free_port()}
    topics_of = {
        "worker": {"intake": LEAD_ARRIVALS, "leads": LEAD_LOG, "orgs": ORG_LOG},
        "relay": {"relay": LEAD_JOURNAL, "org_relay": ORG_JOURNAL},
    }
    none = dict.fromkeys(range(PARTITIONS), 0.0)
    async with engine.worker(PORT=ports["worker"]) as worker, engine.relay(PORT=ports["relay"]):

        async def caught_up() -> bool:
            measured = {name: await metrics(at) for name, at in ports.items()}
            return all(
                process is not None
                and all(
                    process.lag(stage, engine.topic(read)) == none for stage, read in topics_of[name].items()
                )
                for name, process in measured.items()
            )

        await worker.until_async(caught_up, "every stage has no lag in any partition")
        rows = await engine.rows()
        assert len(rows) == ARRIVALS
