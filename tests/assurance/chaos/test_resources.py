"""What processes use is read from the processes themselves; what grows without a reason is said in a sentence."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from assurance.chaos.resources import (
    MIN_SAMPLES,
    ResourceProbe,
    ResourceSample,
    WatchedProcess,
    growth,
    used_by,
    uses,
)
from streams.http import serve
from streams.metrics import OPEN_TIMERS, render
from tests.fixtures.waiting import eventually

MEGABYTE = 1024 * 1024
SECONDS = 3_000.0
HUNGRY = """
import sys
held, files = b"", []
print("ready", flush=True)
for line in sys.stdin:
    held += b"x" * (48 * 1024 * 1024)
    files += [open("/dev/null") for _ in range(40)]
    print("grown", flush=True)
"""


def samples(
    memory: Callable[[float], float] = lambda _: 100.0,
    *,
    files: Callable[[float], float] = lambda _: 30.0,
    timers: Callable[[float], float] | None = None,
    leads: Callable[[float], float] = lambda _: 0.0,
) -> list[ResourceSample]:
    """Return a sample every ten seconds. Each function gets the share of the run; memory is in megabytes."""
    return [
        ResourceSample(
            at=at,
            leads=int(leads(at / SECONDS)),
            memory=int(memory(at / SECONDS) * MEGABYTE),
            files=int(files(at / SECONDS)),
            timers=None if timers is None else int(timers(at / SECONDS)),
        )
        for at in range(0, int(SECONDS), 10)
    ]


def test_memory_and_open_files_are_those_of_the_process() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HUNGRY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        before = used_by(process.pid)
        print("more", file=process.stdin, flush=True)
        process.stdout.readline()
        after = used_by(process.pid)
        process.stdin.close()
    assert before is not None
    assert after is not None
    assert after[0] - before[0] > 40 * MEGABYTE
    assert after[1] - before[1] == 40
    assert used_by(process.pid) is None, "it has ended"


@pytest.fixture
def idle_process() -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process that does nothing."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.communicate(b"\n")


async def test_a_probe_reads_a_process_and_the_timers_in_its_metrics(
    idle_process: subprocess.Popen[bytes],
) -> None:
    OPEN_TIMERS.set(421)
    pages = await serve(0, lambda: (True, {}), lambda: (True, {}), render)
    metrics = f"http://127.0.0.1:{pages.port}/metrics"
    watched = {
        "worker-1": WatchedProcess(lambda: idle_process.pid, metrics),
        "sink": WatchedProcess(lambda: None),
    }
    probe = ResourceProbe(watched, seconds=60, leads=lambda: 7)
    watching = asyncio.create_task(probe.watch())
    try:
        await eventually(lambda: len(probe.samples["worker-1"]) > 1, "two samples")
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await pages.stop()
    newest = probe.samples["worker-1"][-1]
    assert newest.memory > MEGABYTE
    assert newest.files >= 3
    assert (newest.timers, newest.leads) == (421, 7)
    assert probe.samples["sink"] == [], "a process that does not run has no sample"
    assert "421 timers" in probe.line()


def test_what_stays_the_same_is_flat() -> None:
    samples_of = {"relay": samples(), "worker-1": samples(timers=lambda _: 2_000)}
    assert growth(samples_of, SECONDS) == []
    assert uses(samples_of, SECONDS)["worker-1"].timers == (2_000, 2_000, 2_000)


def test_what_grows_only_while_it_starts_is_flat() -> None:
    warm = samples(lambda share: min(1, 4 * share) * 400, files=lambda share: min(1, 4 * share) * 300)
    assert growth({"kafka": warm}, SECONDS) == []


def test_restarts_in_between_are_flat() -> None:
    """A process that is killed every two minutes fills its memory again each time."""
    teeth = samples(lambda share: 60 + 60 * (share * SECONDS % 120) / 120)
    assert growth({"worker-1": teeth}, SECONDS) == []


@pytest.mark.parametrize(
    ("leaking", "expected"),
    [
        (
            samples(lambda share: 100 + 300 * share),
            (
                "relay: memory grew from 250 MB in the middle third of the run to 350 MB in the last third;"
                " 298 MB are allowed"
            ),
        ),
        (
            samples(files=lambda share: 30 + 300 * share),
            (
                "relay: open files grew from 180 in the middle third of the run to 280 in the last third;"
                " 213 are allowed"
            ),
        ),
        (
            samples(timers=lambda share: 3_000 * share),
            (
                "relay: pending timers grew from 1,495 in the middle third of the run to 2,495 in the last third;"
                " 1,745 are allowed"
            ),
        ),
    ],
)
def test_a_leak_is_said_with_process_and_figures(leaking: list[ResourceSample], expected: str) -> None:
    assert growth({"relay": leaking, "sink": samples()}, SECONDS) == [expected]


def test_leads_that_are_kept_explain_some_growth_of_a_worker_and_none_of_the_sink() -> None:
    growing = samples(lambda share: 100 + 240 * share, leads=lambda share: 300_000 * share)
    assert growth({"worker-1": growing}, SECONDS) == []
    assert [finding.split(":")[0] for finding in growth({"worker-1": growing, "sink": growing}, SECONDS)] == [
        "sink"
    ]


def test_a_broker_may_fill_its_heap_again_after_a_restart_and_no_more() -> None:
    restarted = samples(lambda share: 217 if share < 0.6 else 284)
    assert growth({"kafka-2": restarted}, SECONDS) == []
    assert len(growth({"sink": restarted}, SECONDS)) == 1
    assert len(growth({"kafka-2": samples(lambda share: 100 + 600 * share)}, SECONDS)) == 1


def test_a_process_with_too_few_samples_is_not_judged() -> None:
    few = [sample for sample in samples(lambda share: 100 + 900 * share) if sample.at % 250 == 0]
    assert len(few) // 3 < MIN_SAMPLES
    assert growth({"relay": few}, SECONDS) == []
