"""Starts the processes of a chaos run, injects faults into them, and restarts those that ended."""

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from assurance.chaos.fake_clocks import FakeClocks
from runtime import ChildProcess
from runtime.mailbox import Mailbox
from runtime.process import free_port, spawn
from runtime.up import COURIERS, child
from streams.file_permissions import private_folder
from streams.process_exit import ExitCode
from streams.settings import Settings

LOOK_SECONDS: Final = 0.1
TELEPHONE: Final = "courier-call"
RESTART_SECONDS: Final = 0.5
READY_SECONDS: Final = 600.0
"""How long all processes may take until they are ready after the last fault. A worker first reads the journal of the
whole run. After 470,000 events, beside two test suites, that took over two minutes."""
EXPECTED: Final = {0, -signal.SIGKILL, -signal.SIGTERM, ExitCode.SOFTWARE, ExitCode.LEASE_LOST}
"""Exit statuses that are expected: our signals, and a process that detects that it cannot continue."""

Say = Callable[[str], None]


class SupervisedProcess(ChildProcess):
    """A process that never outlives the run, even if it is stopped."""

    @property
    def metrics_url(self) -> str | None:
        """The address of its metrics."""
        return None if self.ready_url is None else self.ready_url.removesuffix("/ready") + "/metrics"

    def launch(self) -> None:
        """Start the program and return at once."""
        private_folder(self.log_file.parent)
        # A stopped process does not react to SIGTERM. It gets SIGKILL when this process dies.
        self.process = spawn(
            self.argv, self.log_file, environment=self.environment, death_signal=signal.SIGKILL
        )

    def signal(self, signum: signal.Signals) -> bool:
        """Send a signal. Return whether there was a process to get it."""
        pid = self.pid
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signum)
        return True


class SupervisedProcesses:
    """All processes, watched. `ends`: exits by process and status. `odd`: exits that the run did not cause.

    `sign_in`: returns the settings of a process, which may have its own Kafka user. `mailbox`: a running one that gets
    the mails; None starts no courier. `telephone`: the settings of a telephone courier; None starts none. `clocks`: the
    clocks of the workers, which may jump; None leaves them the machine's.
    """

    def __init__(
        self,
        settings: Settings,
        workers: int,
        say: Say,
        *,
        sign_in: Callable[[Settings, str], Settings] = lambda settings, _: settings,
        mailbox: Mailbox | None = None,
        telephone: Mapping[str, str] | None = None,
        clocks: FakeClocks | None = None,
    ) -> None:
        self._clocks = clocks
        self._say = say
        self._watching: asyncio.Task[None] | None = None
        self._over = False
        self.ends: Counter[str] = Counter()
        self.odd: list[str] = []
        self.parts: dict[str, SupervisedProcess] = {}
        names = [f"worker-{n}" for n in range(1, workers + 1)]
        self._workers = frozenset(names)
        self._stopped: frozenset[str] = frozenset()
        couriers: dict[str, tuple[list[str], Mapping[str, str]]] = {}
        if mailbox is not None:
            couriers |= {name: (command, mailbox.environment()) for name, command in COURIERS.items()}
        if telephone is not None:
            couriers[TELEPHONE] = (["courier", "--channel", "call"], telephone)
        for name in (*names, "relay", "sink", "board", *couriers):
            # One worker is a static member of its group and the others are not, so that both ways to rejoin are
            # tested.
            static = ["--instance-id", name] if name == "worker-1" else []
            process = "worker" if name in names else "courier" if name in couriers else name
            command, more = couriers.get(name, ([process, *static], {}))
            if clocks is not None and name in names:
                more = clocks.environment(name)
            child_process = child(name, command, sign_in(settings, process), free_port(), more)
            self.parts[name] = SupervisedProcess(
                name=name,
                argv=child_process.argv,
                log_file=child_process.log_file,
                environment=child_process.environment,
                ready_url=child_process.ready_url,
            )

    async def start(self) -> None:
        """Start all and wait until they are ready."""
        for part in self.parts.values():
            await asyncio.to_thread(part.launch)
        self._watching = asyncio.create_task(self._watch())
        await self.ready()

    async def ready(self) -> None:
        """Resume all stopped processes and wait until all are ready. Raises TimeoutError with those that are not."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + READY_SECONDS
        for part in self.parts.values():
            part.signal(signal.SIGCONT)
        while waiting := [
            name for name, part in self.parts.items() if not await asyncio.to_thread(part.ready)
        ]:
            if loop.time() > give_up:
                raise TimeoutError(f"not ready after {READY_SECONDS:g} s: {', '.join(waiting)}")
            await asyncio.sleep(LOOK_SECONDS)

    async def stop(self) -> None:
        """Stop all."""
        self._over = True
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await asyncio.gather(*(asyncio.to_thread(part.stop) for part in reversed(self.parts.values())))

    async def stop_workers(self) -> None:
        """Stop the workers for good. The other processes go on with what the workers have decided."""
        self._stopped |= self._workers
        await asyncio.gather(*(asyncio.to_thread(self.parts[name].stop) for name in self._workers))

    def signal(self, names: Iterable[str], signum: signal.Signals) -> int:
        """Send a signal to some processes. Return how many of them were running."""
        return sum(self.parts[name].signal(signum) for name in names)

    def jump_clock(self, names: Iterable[str], seconds: int) -> int:
        """Set workers' clocks so many seconds ahead, or behind if negative. Return how many were set."""
        return 0 if self._clocks is None else self._clocks.jump(names, seconds)

    async def _watch(self) -> None:
        """Restart processes that ended."""
        while not self._over:
            for name, part in self.parts.items():
                if name in self._stopped or part.process is None or (status := part.process.poll()) is None:
                    continue
                self.ends[f"{name} {status}"] += 1
                if status not in EXPECTED:
                    self.odd.append(f"{name} ended with status {status}{part.log_tail()}")
                    self._say(self.odd[-1])
                await asyncio.sleep(RESTART_SECONDS)
                await asyncio.to_thread(part.launch)
            await asyncio.sleep(LOOK_SECONDS)
