"""Runs a program under test. It reports as lines of JSON and receives commands; nothing here knows its internals."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from runtime.process import _PARENT_WATCH, end_of
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

ROOT: Final = Path(__file__).parents[3]

Report = dict[str, Any]


class Program:
    """One process of a test: `python -m MODULE`, its environment, its messages so far and its log."""

    def __init__(self, module: str, folder: Path, **environment: object) -> None:
        self.module = module
        self.log = folder / f"{module.rpartition('.')[2]}-{len(list(folder.glob('*.log')))}.log"
        self.log.touch()
        self.environment = {name: str(value) for name, value in environment.items()}
        self.reports: list[Report] = []
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(
                    sys.executable,
                    "-I",
                    "-S",
                    str(_PARENT_WATCH),
                    str(os.getpid()),
                    str(int(signal.SIGKILL)),
                    "-1",
                ),
                *(sys.executable, "-m", self.module),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                limit=1 << 24,
            )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill9()
        assert self._reading is not None
        await self._reading

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The process, while it runs and afterwards."""
        assert self._process is not None
        return self._process

    @property
    def ended(self) -> int | None:
        """The exit code, None while it runs."""
        return self.process.returncode

    def tell(self, **command: object) -> None:
        """Send it a command."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def kill9(self) -> None:
        """Kill it, as a power cut would."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def exit_code(self) -> int:
        """Wait for its end, and return its exit code."""
        try:
            return await asyncio.wait_for(self.process.wait(), PATIENCE_SECONDS)
        except TimeoutError as error:
            raise AssertionError(f"{self.module} does not end{end_of(self.log)}") from error

    def reports_with(self, **fields: object) -> list[Report]:
        """Return its messages that have these fields."""
        return [report for report in self.reports if fields.items() <= report.items()]

    def newest_value(self, name: str) -> Any:
        """Return the newest value of a field, None before the first."""
        return next((report[name] for report in reversed(self.reports) if name in report), None)

    async def wait_for_report(self, **fields: object) -> Report:
        """Wait for a message with these fields."""
        reports = await self.until(lambda: self.reports_with(**fields), f"it says {fields}")
        return dict(reports[0])

    def reports_naming(self, name: str) -> list[Report]:
        """Return its messages that have this field."""
        return [report for report in self.reports if name in report]

    async def wait_for_field(self, name: str) -> Report:
        """Wait for a message that has this field."""
        reports = await self.until(lambda: self.reports_naming(name), f"it speaks of {name}")
        return dict(reports[-1])

    async def until(self, check: Callable[[], Any], expectation: str) -> Any:
        """Wait until a condition holds. Fail with the end of its log if it exits first or takes too long."""

        def checked() -> Any:
            result = check()
            if not result and self.process.returncode is not None:
                raise AssertionError(f"{self.module} ended ({self.process.returncode}){end_of(self.log)}")
            return result

        try:
            return await eventually(checked, expectation)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.reports[-5:]}{end_of(self.log)}") from None

    async def until_async(self, check: Callable[[], Awaitable[Any]], expectation: str) -> Any:
        """Wait until an asynchronous check returns true."""

        async def checked() -> Any:
            result = await check()
            if not result and self.ended is not None:
                raise AssertionError(f"{self.module} ended ({self.ended}){end_of(self.log)}")
            return result

        try:
            return await eventually(checked, expectation)
        except AssertionError as error:
            raise AssertionError(f"{error}; {end_of(self.log)}") from None

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            try:
                self.reports.append(json.loads(line))
            except ValueError:
                with self.log.open("ab") as log:
                    log.write(line)
