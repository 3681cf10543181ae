"""Runs the demo from start to end: start, publish, send leads, claim, show, verify."""

import asyncio
import contextlib
import itertools
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.live import Live

from application.importing.send import send_file
from assurance.demo.directory import OPENED, YOURS, lender, officers, opened
from assurance.demo.known_people import people_of
from assurance.demo.live_figures import FigureCollector
from assurance.demo.loan_officers import work
from assurance.demo.screen import exceptions_open, line, offers_made, screen
from assurance.demo.sign_ins import CONSOLE_PORT, invitation, signed_up
from assurance.load import LoadClient
from assurance.load.offer_reader import Offers
from assurance.sample_leads import sample_leads
from assurance.verify import verify
from board.reader import Reader
from models.errors import RuntimeFailure
from runtime.up import RunningStack, everything
from streams.ports import is_free
from web.settings import WebSettings

Say = Callable[[str], None]

SAMPLE: Final = 2_000
AT_ONCE: Final = 600
"""How many leads exist when the reps begin. The rest comes while they compete."""
FEED_PER_SECOND: Final = 40
THEN_PER_SECOND: Final = 1
"""How many leads a second come after the sample, so that there is always something to offer and to claim."""
THEN: Final = 100_000
SEEDS: Final = 1_000_000
"""The number of different samples. A vendor's ids have room for this many."""
ENDING_TRIES: Final = 30
PARTS_SECONDS: Final = 1.0
LINE_SECONDS: Final = 5.0
SETTLE_SECONDS: Final = 60.0


def run(
    *,
    seconds: float | None,
    leads: Path | None,
    mapping: Path | None,
    say: Say,
    hours: bool = False,
    console_port: int | None = None,
    seed: int | None = None,
    secure: bool = False,
) -> bool:
    """Run the demo. Return whether `verify` found no error (checked only if the demo ends by itself).

    `hours`: publish the lender's directory with its working hours, so that at night nobody works. `console_port`:
    None takes the usual one, or any free one if it is taken. `seed`: of the sample's leads; None makes new leads.
    `secure`: Kafka has a user and ACLs for each process.
    """
    say(
        "starting Apache Kafka, Valkey, a worker, a relay, a sink, the board, couriers for mail and push, and the "
        "console …"
    )
    if console_port is None:
        console_port = CONSOLE_PORT
        if not is_free(CONSOLE_PORT):
            console_port = 0
            say(f"port {CONSOLE_PORT} is in use by another program: the console takes a free one")
    if seed is None:
        seed = secrets.randbelow(SEEDS)
    with everything(
        workers=1,
        state_dir=None,
        say=say,
        console_port=console_port,
        secure=secure,
        mailbox=True,
    ) as stack:
        database_url = WebSettings.read(state_dir=stack.settings.state_dir).console_database_url
        with signed_up(database_url):
            return asyncio.run(_Demo(stack, say, seed, hours=hours).play(seconds, leads, mapping))


class _Demo:
    def __init__(self, stack: RunningStack, say: Say, seed: int, *, hours: bool) -> None:
        self.stack, self.say, self.seed = stack, say, seed
        self.directory = lender() if hours else opened(lender())
        self.remark = "" if hours else OPENED
        self.settings = stack.settings
        box = stack.mailbox
        self.invitation = invitation(stack.ports["console"], box.url if box else None)
        self.stop = asyncio.Event()
        self.parts: dict[str, str] = {}

    async def play(self, seconds: float | None, leads: Path | None, mapping: Path | None) -> bool:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            with contextlib.suppress(RuntimeError):  # the loop, and so the task to stop, has ended already
                loop.call_soon_threadsafe(self.stop.set)

        self.stack.interrupts.on_first(stop)
        reader = Reader.at(self.settings.redis_url)
        offers = Offers(self.settings)
        watch = FigureCollector(self.settings, reader, offers)
        followed = (watch.answers(), watch.report_state(), self.look_at_parts(), offers.follow())
        tasks = [asyncio.create_task(following) for following in followed]
        try:
            async with LoadClient(self.settings) as client:
                await self.publish(client)
                feed = self.feed_file(leads, mapping) if leads else self.feed_sample(client)
                tasks.append(asyncio.create_task(feed))
                tasks += [
                    asyncio.create_task(work(client, reader, rep_id, offers, hurry=leads is not None))
                    for rep_id in officers(self.directory)
                    if rep_id != YOURS
                ]
                try:
                    await self.show(watch, tasks, seconds)
                finally:
                    await _ended(tasks)
        finally:
            await _ended(tasks)
            await reader.close()
        if seconds is None or self.stack.interrupts.hung_up:  # nobody is there to read it
            return True
        return await self.check(watch)

    async def publish(self, client: LoadClient) -> None:
        """Publish the whole directory. Publishing it again in a second run changes nothing."""
        for (kind, object_id), value in self.directory.items():
            await client.publish(kind, object_id, value)
        if self.remark:
            self.say(self.remark)

    async def feed_sample(self, client: LoadClient) -> None:
        """Send the sample's leads: some at once, the rest while the reps compete, then a few until cancelled."""
        people = await asyncio.to_thread(people_of, self.settings.database_url)
        sample: Iterator[dict[str, Any]] = sample_leads(SAMPLE + THEN, self.seed, in_use=people)
        await asyncio.gather(*(client.arrive(lead) for lead in itertools.islice(sample, AT_ONCE)))
        for lead in itertools.islice(sample, SAMPLE - AT_ONCE):
            await client.arrive(lead)
            await asyncio.sleep(1 / FEED_PER_SECOND)
        for lead in sample:
            await client.arrive(lead)
            await asyncio.sleep(1 / THEN_PER_SECOND)

    async def feed_file(self, leads: Path, mapping: Path | None) -> None:
        """Send a real file. Refused lines are named."""
        result = await send_file(
            self.settings, leads, mapping=mapping, vendor=leads.stem, campaign=leads.stem, say=self.say
        )
        self.say(f"{leads.name}: accepted {result['accepted']}, refused {result['refused']}")

    async def show(
        self, watch: FigureCollector, tasks: list[asyncio.Task[None]], seconds: float | None
    ) -> None:
        """Show the figures until the time is over, ^C is pressed, or a task fails."""
        end = time.monotonic() + seconds if seconds else float("inf")
        hint = (
            f"^C ends it   ·   in another terminal: .venv/bin/firstclaim status | why LEAD | claim LEAD --rep {YOURS}"
            f" (nobody plays {YOURS})"
        )
        hint = f"{self.remark}\n{hint}" if self.remark else hint
        console = Console()
        if not console.is_terminal:
            self.say(f"\n{self.invitation}\n")
        last_line = 0.0
        is_first_claim_reported = False
        live: Any = (
            Live(console=console, auto_refresh=False) if console.is_terminal else contextlib.nullcontext()
        )
        with live:
            while not self.stop.is_set() and time.monotonic() < end:
                for task in tasks:
                    if task.done() and not task.cancelled() and task.exception():
                        task.result()
                if console.is_terminal:
                    live.update(screen(watch.figures, self.parts, self.invitation, hint), refresh=True)
                elif time.monotonic() - last_line > LINE_SECONDS:
                    last_line = time.monotonic()
                    self.say(line(watch.figures))
                if watch.figures.first_claim_after is not None and not is_first_claim_reported:
                    is_first_claim_reported = True
                    if not console.is_terminal:
                        self.say(
                            f"first claim won {watch.figures.first_claim_after:.1f} s after everything was ready"
                        )
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stop.wait(), 0.25)

    async def look_at_parts(self) -> None:
        """Poll the processes' state until cancelled. HTTP requests block, so they run outside the event loop."""
        while True:
            states = await asyncio.to_thread(self.stack.supervisor.states)
            self.parts = {name: str(state.phase) for name, state in states.items()}
            await asyncio.sleep(PARTS_SECONDS)

    async def check(self, watch: FigureCollector) -> bool:
        """Verify the result, and report it."""
        figures = watch.figures
        results = figures.results
        self.say(
            f"claims won {results['won']}, lost {results['lost']}, refused {results['refused']}; "
            f"offers {offers_made(figures)}; exceptions {exceptions_open(figures)}; "
            "verifying logs, journal, database and board against each other …"
        )
        report = await verify(self.settings, wait_seconds=SETTLE_SECONDS, say=self.say)
        for finding in report.lines():
            self.say(finding)
        return report.ok


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks until they end.

    Once is not enough: in Python 3.11 `asyncio.wait_for` ignores a cancellation if its result comes at the same
    moment, and a rep would work on for ever.
    """
    for _ in range(ENDING_TRIES):
        for task in tasks:
            task.cancel()
        if not tasks or not (await asyncio.wait(tasks, timeout=1.0))[1]:
            await asyncio.gather(*tasks, return_exceptions=True)  # their results were checked before
            return
    raise RuntimeFailure("demo", f"some simulated people did not end after {ENDING_TRIES} s")
