"""Every console and the command line know what was done with a dead letter, whoever did it, and after a restart."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from application.dead_letter_marks import Mark, Marker, MarkKind
from runtime.process import free_port
from runtime.up import child
from streams.topics import LEAD_ARRIVALS
from tests.cli.in_process import firstclaim
from tests.fixtures.waiting import eventually
from web.services.operations import dead_letters
from web.services.operations.dead_letters import DeadLetterFollower

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import httpx

    from runtime import ChildProcess
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

LETTERS = "/api/v1/operations/dead-letters"


@pytest.fixture
def second_console(running_org: RunningOrg) -> Iterator[tuple[ChildProcess, int]]:
    """Yield another console of the same system and its port. The test starts it after the letters were dealt with."""
    port = free_port()
    console = child("console-later", ["console"], running_org.stack.settings, port)
    yield console, port
    console.stop()


async def until_listed(console: httpx.AsyncClient, count: int) -> dict[str, dict[str, Any]]:
    """Wait until a console lists so many dead letters; return them by position."""

    async def enough() -> dict[str, dict[str, Any]] | None:
        by_place = {letter["place"]: letter for letter in (await console.get(LETTERS)).json()}
        return by_place if len(by_place) == count else None

    letters: dict[str, dict[str, Any]] = await eventually(enough, f"the console lists {count} dead letters")
    return letters


async def until_known(
    console: httpx.AsyncClient, expected: dict[str, tuple[bool, str | None, bool, str]]
) -> None:
    """Wait until a console says of each letter whether it was sent again, by whom, and whether and why skipped."""

    async def agrees() -> bool:
        letters = {letter["place"]: letter for letter in (await console.get(LETTERS)).json()}
        marks = {
            place: (
                letter["replayed_at"] is not None,
                letter["replayed_by"],
                letter["skipped_at"] is not None,
                letter["skipped_why"],
            )
            for place, letter in letters.items()
            if place in expected
        }
        return marks == expected

    await eventually(agrees, f"the console knows {expected}")


async def waiting_count(console: httpx.AsyncClient) -> int:
    """Return how many dead letters the navigation says to wait."""
    count: int = (await console.get("/api/v1/badges")).json()["dead_letters"]
    return count


async def test_consoles_and_the_command_line_agree_on_what_was_sent_again_or_skipped(
    running_org: RunningOrg, second_console: tuple[ChildProcess, int]
) -> None:
    async def command(*arguments: str) -> dict[str, Any]:
        printed = await asyncio.to_thread(firstclaim, running_org.stack, "dead-letters", *arguments, "--json")
        assert printed.code == 0, printed.err
        return printed.last_line

    await running_org.rep("mia", "manager")
    for name in ("Ames", "Bell", "Cole", "Dean"):
        lead = {
            "org": running_org.org,
            "last_name": name,
        }  # no vendor, so it is refused, and again when sent again
        await running_org.client.put(LEAD_ARRIVALS, msgspec.json.encode(lead))
    async with await running_org.program("mia") as console:
        by_console, by_command, skipped, _ = await until_listed(console, 4)
        assert await waiting_count(console) == 4
        assert (await console.post(f"{LETTERS}/{by_console}/replay")).status_code == 200
        await command("replay", by_command)
        await command("skip", skipped, "--why", "a test of acme")
        expected = {
            by_console: (True, "mia", False, ""),
            by_command: (True, None, False, ""),
            skipped: (False, None, True, "a test of acme"),
        }
        await until_known(console, expected)
        await until_listed(console, 6)  # two came again, because nothing was mended
        assert await waiting_count(console) == 3
    # The command takes only what nobody dealt with.
    run = await command("replay", "--all", "--org", running_org.org, "--dry-run")
    assert (run["selected"], run["replayed"]) == (6, 3)
    assert run["left_out"] == {
        "replayed before; --again takes them, too": 2,
        "skipped before; --again takes them, too": 1,
    }
    # A console that starts now has nothing but the topics.
    process, port = second_console
    await asyncio.to_thread(process.launch)
    other_console = replace(running_org, port=port)
    await other_console.until_ready()
    async with await other_console.program("mia") as console:
        await until_listed(console, 6)
        await until_known(console, expected)
        assert await waiting_count(console) == 3


@asynccontextmanager
async def running_follower(follower: DeadLetterFollower) -> AsyncIterator[None]:
    """Let a follower of this process follow."""
    task = asyncio.create_task(follower.follow())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_mark_reaches_its_letter_and_none_that_is_no_longer_kept(
    running_org: RunningOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older mark that a console notes late does not replace a newer one."""
    monkeypatch.setattr(dead_letters, "KEPT", 2)
    changed: list[str] = []
    follower = DeadLetterFollower(running_org.stack.settings, on_change=changed.append)

    async def send_letter(name: str, *known_places: str) -> str:
        """Let a letter of a lead come; return its position."""
        lead = {"org": running_org.org, "last_name": name}  # no vendor, so it is refused
        await running_org.client.put(LEAD_ARRIVALS, msgspec.json.encode(lead))

        async def came() -> str | None:
            newest = follower.of(running_org.org)[:1]
            return next((letter.place for letter in newest if letter.place not in known_places), None)

        place: str = await eventually(came, f"the letter of {name}")
        return place

    async with running_follower(follower):
        first = await send_letter("Ames")
        second = await send_letter("Bell", first)
        third = await send_letter("Cole", second)
        assert [letter.place for letter in follower.of(running_org.org)] == [third, second]
        assert follower.find(running_org.org, first) is None
        assert follower.find(f"{running_org.org}-other", second) is None
        now = datetime.now(UTC)
        changed.clear()
        async with Marker(running_org.stack.settings) as marker:
            await marker.mark(first, Mark(what=MarkKind.REPLAYED, at=now))
            await marker.mark(second, Mark(what=MarkKind.SKIPPED, at=now, why="a test"))
        letter = follower.find(running_org.org, second)
        assert letter is not None
        await eventually(lambda: letter.skipped_at, "the mark reaches its letter")
        assert set(changed) == {running_org.org}
        follower.note_mark(second, Mark(what=MarkKind.REPLAYED, at=now - timedelta(seconds=1), by="mia"))
        assert (letter.skipped_at, letter.skipped_why, letter.replayed_at) == (now, "a test", None)
        follower.note_mark(second, Mark(what=MarkKind.REPLAYED, at=now + timedelta(seconds=1), by="mia"))
        assert (letter.skipped_at, letter.replayed_by) == (None, "mia")
        assert [letter.is_handled for letter in follower.of(running_org.org)] == [False, True]
