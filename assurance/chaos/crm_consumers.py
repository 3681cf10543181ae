"""Runs the consumers of CRM developers beside chaos, and compares what they kept with the CRM database.

A consumer is any program that keeps the tables of docs/examples/crm/schema.sql in an SQLite file. It is killed twice
while it reads, and started again whenever it ends. Once the load is over, its rows must become those of the sink.
"""

import asyncio
import contextlib
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Self

from models.errors import ConfigError
from runtime.process import spawn
from streams.settings import Settings

BOOTSTRAP: Final = "{bootstrap}"
DATABASE: Final = "{database}"
"""What a command has in the place of Kafka's address and of the file's path."""
TABLES: Final = {
    "assignment": ("lead_id", "rep_id", "how", "via"),
    "lead_exception": ("lead_id", "status", "reason", "version"),
}
"""The compared columns of each table.

The CRM database has the version in which the owner got the lead; a correction of facts sends the assignment again with
a newer one (M2).
"""
MAX_CONSUMERS: Final = 8
KILLS: Final = 2
"""How often a consumer is killed with SIGKILL while the load runs."""
CAUGHT_UP_SECONDS: Final = 120.0
"""How long the consumers may take to have the database's state, once the load is over."""
LOOK_SECONDS: Final = 0.5
RESTART_SECONDS: Final = 0.5
STOP_SECONDS: Final = 20.0
"""How long a consumer may take to end after SIGTERM. Then it is killed."""
MAX_SHOWN: Final = 5
"""How many different rows of a consumer are shown."""

Say = Callable[[str], None]


class CrmConsumer:
    """One consumer. `starts` and `kills` count how often it was started and killed.

    `command`: its command line, with `{bootstrap}` and `{database}`. Raises `ConfigError` for a command without these,
    or whose program does not exist.
    """

    def __init__(self, command: str, number: int, settings: Settings) -> None:
        for needed in (BOOTSTRAP, DATABASE):
            if needed not in command:
                raise ConfigError("consumer", f"the command has no {needed}: {command}")
        self.command = command
        self.starts = self.kills = 0
        folder = settings.state_dir / "crm-consumers"
        folder.mkdir(parents=True, exist_ok=True)
        self.database = folder / f"{number}.sqlite"
        self._log = folder / f"{number}.log"
        program, *rest = shlex.split(command)
        program_path = shutil.which(program)
        if program_path is None:
            raise ConfigError("consumer", f"there is no program {program}")
        placeholders = {BOOTSTRAP: settings.kafka_bootstrap_servers, DATABASE: str(self.database)}
        self._argv = [str(Path(program_path).absolute())]
        for part in rest:
            for place, value in placeholders.items():
                part = part.replace(place, value)  # noqa: PLW2901  # both may be in one part
            self._argv.append(part)
        self._process: subprocess.Popen[bytes] | None = None

    async def keep_running(self, say: Say) -> None:
        """Start the program, and start it again whenever it ends. The first end of its own accord is said."""
        has_failed = False
        while True:
            self._process = spawn(self._argv, self._log, death_signal=signal.SIGKILL)
            self.starts += 1
            status = await asyncio.to_thread(self._process.wait)
            self._end_group(self._process.pid)
            if status != -signal.SIGKILL and not has_failed:
                has_failed = True
                say(f"a CRM's consumer ended with status {status}: {self.last_words()} ({self.command})")
            await asyncio.sleep(RESTART_SECONDS)

    def kill(self) -> None:
        """Kill the program and the programs that it started."""
        self.kills += self._signal(signal.SIGKILL)

    async def stop(self) -> None:
        """End the program; kill it if it does not end in time."""
        process = self._process
        if process is None or not self._signal(signal.SIGTERM):
            return
        try:
            await asyncio.to_thread(process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            await asyncio.to_thread(process.wait)
        self._end_group(process.pid)

    @staticmethod
    def _end_group(pid: int) -> None:
        """Kill what a program has left behind, such as the other end of a pipe."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)

    def _signal(self, signum: signal.Signals) -> bool:
        if self._process is None or self._process.poll() is not None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signum)  # it has a session of its own
        return True

    def differences(self, expected: dict[str, frozenset[tuple[object, ...]]]) -> list[str]:
        """Return how its rows differ from the expected ones, by table, in words; empty if they do not."""
        problems = []
        for table, rows in expected.items():
            try:
                stored = _rows(self.database, table)
            except sqlite3.Error as error:
                problems.append(f"{table}: {error}")
                continue
            pairs = (("missing", rows - stored), ("not expected", stored - rows))
            for kind, different in pairs:
                shown = "; ".join(map(str, sorted(different, key=str)[:MAX_SHOWN]))
                if different:
                    problems.append(f"{table}: {len(different):,} rows are {kind}: {shown}")
        return problems

    def last_words(self) -> str:
        """Return the last line of its output."""
        with contextlib.suppress(OSError, IndexError):
            return self._log.read_text(errors="replace").splitlines()[-1]
        return "it printed nothing"


class CrmConsumers:
    """All consumers of a run. They run inside the context, and each is killed `KILLS` times within `seconds`.

    `crm`: the SQLite file of the sink. `findings`: after `compare`, how their rows differ from its rows, in words.
    """

    def __init__(
        self, commands: Sequence[str], settings: Settings, crm: Path, seconds: float, say: Say
    ) -> None:
        if len(commands) > MAX_CONSUMERS:
            raise ConfigError("consumer", f"{len(commands)} are given, at most {MAX_CONSUMERS} can run")
        self._crm, self._seconds, self._say = crm, seconds, say
        self._tasks: list[asyncio.Task[None]] = []
        self.all = [CrmConsumer(command, number, settings) for number, command in enumerate(commands, 1)]
        self.findings: list[str] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(consumer.keep_running(self._say)) for consumer in self.all]
        self._tasks.append(asyncio.create_task(self._kill_sometimes()))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for consumer in self.all:
            await consumer.stop()

    async def _kill_sometimes(self) -> None:
        for _ in range(KILLS):
            await asyncio.sleep(self._seconds / (KILLS + 1))
            for consumer in self.all:
                consumer.kill()

    async def compare(self) -> None:
        """Wait until each has the rows of the CRM database, while nothing new is decided."""
        give_up = asyncio.get_running_loop().time() + CAUGHT_UP_SECONDS
        for consumer in self.all:
            different = await self._differences(consumer, give_up)
            self.findings += [f"{consumer.command}: {difference}" for difference in different]
            if different:
                self.findings.append(f"{consumer.command}: its last words: {consumer.last_words()}")
            result = "does not have the rows" if different else "has the rows"
            counted = f"{consumer.starts} starts, {consumer.kills} kills"
            self._say(f"a CRM's consumer {result} of the CRM database ({counted}): {consumer.command}")

    async def _differences(self, consumer: CrmConsumer, give_up: float) -> list[str]:
        while True:
            # The sink, too, may still write what was decided.
            expected = {table: await asyncio.to_thread(_rows, self._crm, table) for table in TABLES}
            different = await asyncio.to_thread(consumer.differences, expected)
            if not different or asyncio.get_running_loop().time() > give_up:
                return different
            await asyncio.sleep(LOOK_SECONDS)


def _rows(database: Path, table: str) -> frozenset[tuple[object, ...]]:
    """Return the compared columns of a table's rows."""
    columns = ", ".join(TABLES[table])
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as connection:
        return frozenset(connection.execute(f"SELECT {columns} FROM {table}"))  # noqa: S608  # our own names
