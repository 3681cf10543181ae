"""Runs the sink as a process, with the journal in Kafka that the tests of the process share."""

import asyncio
import json
import os
import sys
from pathlib import Path

from aiokafka import AIOKafkaProducer
from sqlalchemy import insert

from runtime.kafka import KafkaBroker
from runtime.process import free_port, spawn
from sink.tables import SinkOffsetTable
from sink.writer import JournalRecord
from streams.settings import Settings
from streams.topics import LEAD_JOURNAL, provision
from tests.fixtures.process_pages import page
from tests.sink.conftest import Database
from tests.sink.seeded_journal import Scenario

PARTITIONS = 20
"""One partition for each test of this module."""


class Journal:
    """The journal in Kafka, with the records of every test."""

    def __init__(self, broker: KafkaBroker) -> None:
        self.broker = broker
        self.scenarios: list[Scenario] = []
        self.poison: list[JournalRecord] = []
        self.settings = Settings.read(kafka_bootstrap_servers=broker.address, partitions=PARTITIONS)
        asyncio.run(provision(self.settings))

    def begin(self) -> Scenario:
        """Return a scenario in an unused partition."""
        assert len(self.scenarios) < PARTITIONS, "more scenarios than partitions: raise PARTITIONS"
        scenario = Scenario(len(self.scenarios), seed=100)
        self.scenarios.append(scenario)
        return scenario

    def backlog(self) -> Scenario:
        """Return a scenario of six batches that is not sent yet."""
        scenario = self.begin()
        for _ in range(30):
            scenario.tell(400).repeat(10)
        return scenario

    def send(self, records: list[JournalRecord]) -> None:
        """Write records to Kafka, all acknowledged on return."""
        asyncio.run(self._send(records))

    async def _send(self, records: list[JournalRecord]) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.broker.address, linger_ms=5) as producer:
            sent = [
                await producer.send(LEAD_JOURNAL, record.value, key=record.key, partition=record.partition)
                for record in records
            ]
            for record, receipt in zip(records, sent, strict=True):
                assert (await receipt).offset == record.offset

    @property
    def ends(self) -> dict[int, int]:
        """Partition -> the offset after its last record, of partitions with records."""
        return {scenario.partition: len(scenario.records) for scenario in self.scenarios if scenario.records}

    def read_before(self, database: Database) -> None:
        """Set a database to the state after a sink has read everything so far."""
        positions = [
            {
                "topic": LEAD_JOURNAL,
                "partition": scenario.partition,
                "next_offset": len(scenario.records),
                "mark": scenario.off,
            }
            for scenario in self.scenarios
            if scenario.records
        ]
        if positions:
            engine = database.engine()
            with engine.execution_options(writes=True).begin() as connection:
                connection.execute(insert(SinkOffsetTable), positions)
            engine.dispose()


class SinkProcess:
    """One `python -m sink`."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.port = free_port()
        self.log = log
        self.process = spawn(
            [sys.executable, "-m", "sink", str(self.port)],
            log,
            environment={**os.environ, **settings.environment()},
            directory=Path.cwd(),
        )

    def ask(self, name: str) -> tuple[int, str]:
        """Return status and text of a page; status 0 while nobody listens."""
        return page(self.port, name)

    def in_the_way(self) -> dict[str, dict[str, str]]:
        """Return the problems that /ready names: name -> reason and since."""
        status, text = self.ask("ready")
        assert status in {0, 200, 503}
        return {reason["what"]: reason for reason in json.loads(text)["reasons"]} if text else {}

    def retries(self, dependency: str) -> float:
        """Return how often it has retried because of a cause, as /metrics counts it."""
        name = f'firstclaim_sink_retries_total{{what="{dependency}"}} '
        lines = self.ask("metrics")[1].splitlines()
        return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))

    def ready(self) -> bool:
        """Return whether /ready returns 200."""
        return self.ask("ready")[0] == 200

    def kill(self) -> None:
        """Kill it, as a power cut would."""
        self.process.kill()
        self.process.wait()
