"""Every measurement runs, small, says what its last line must say, and leaves nothing behind.

The measurements of workers share one Kafka, and those of the console one stack. `recovery` starts its own Kafka. The
tests without these come first, because a stack that does nothing also uses the processor.
"""

import asyncio
import importlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from bench import BENCHES, console_testbed
from bench.testbed import open_testbed
from models.errors import ConfigError
from runtime.up import RunningStack
from streams import clients
from streams.settings import Settings
from streams.topics import provision
from tests.fixtures.servers import make_kafka
from tests.fixtures.waiting import until

SMALL: dict[str, tuple[dict[str, Any], set[str]]] = {
    "claims": (
        {"claims": 400, "leads": 100, "repeats": 1},
        {"ours_per_s", "raw_per_s", "quix_per_s", "ratio_raw", "ratio_quix"},
    ),
    "latency": (
        {"per_s": 100, "seconds": 0.5, "warm_seconds": 0.2, "repeats": 1},
        {
            "journal_p50_ms",
            "journal_p99_ms",
            "answer_p50_ms",
            "answer_p99_ms",
            "raw_p50_ms",
            "raw_p99_ms",
        },
    ),
    "offer": (
        {"per_s": 100, "seconds": 0.5, "warm_seconds": 0.2, "repeats": 1},
        {"offer_p50_ms", "offer_p99_ms", "raw_p50_ms", "raw_p99_ms", "ratio_p99"},
    ),
    "board": (
        {"leads": 2_000, "repeats": 1},
        {"page_ms", "search_one_ms", "search_none_ms", "search_many_ms", "search_late_ms", "held_ms"},
    ),
    "live": (
        {"claims": 6, "readers": 3, "leads": 50, "warm": 1},
        {"row_gone_p50_ms", "row_gone_p95_ms", "answer_p50_ms"},
    ),
    "live-browser": (
        {"claims": 4, "pages": 3, "leads": 30, "warm": 1},
        {
            "row_gone_p50_ms",
            "row_gone_p95_ms",
            "to_board_p95_ms",
            "to_page_p95_ms",
            "in_page_p95_ms",
            "answer_p50_ms",
            "bare_p95_ms",
            "bare_answer_p95_ms",
            "ratio_bare_p95",
            "ratio_answer_p95",
            "pages",
            "claims",
        },
    ),
    "pages": (
        {"leads": 120, "repeats": 1},
        {
            "page_open_ms",
            "search_ms",
            "heap_mb",
            "heap_before_mb",
            "heap_once_mb",
            "exceptions_open_ms",
            "my_leads_open_ms",
            "filter_ms",
            "leads",
            "feed_s",
        },
    ),
    "listeners": (
        {"listeners": 5, "claims": 10, "seconds": 1, "leads": 40},
        {"listeners", "claims", "claims_per_s", "delay_p50_ms", "delay_p95_ms", "console_cpu_share"},
    ),
    "reading": (
        {"leads": 50, "repeats": 1},
        {
            "messages_per_s",
            "rows_per_s",
            "messages_other_names_per_s",
            "rows_other_names_per_s",
            "leads",
        },
    ),
    "scale": (
        {"claims": 800, "workers": (1, 2), "partitions": (4,)},
        {"ours_of_one", "raw_of_one", "claims"},
    ),
    "scale-offers": (
        {"arrivals": 200, "workers": (1, 2), "orgs": (1, 5), "partitions": 4},
        {"of_one", "arrivals"},
    ),
    "sink": (
        {"leads": 600, "repeats": 1},
        {"sink_rows_per_s", "copy_rows_per_s", "ratio_copy", "records_per_s", "leads", "rows"},
    ),
    "timers": (
        {"pending": 200, "per_s": 50, "seconds": 2, "herd": 100},
        {"lateness_p50_ms", "lateness_p99_ms", "herd_seconds", "claims_p99_ms", "herd_claims_p99_ms"},
    ),
    "recovery": ({"leads": 300, "repeats": 1}, {"leads", "seconds", "bytes_per_lead"}),
    "restart": ({"repeats": 1}, {"dynamic_s", "static_s", "ratio_dynamic", "ratio_static"}),
    "allocate": (
        {"offers": 200, "repeats": 1},
        {"per_s_10", "per_s_1000", "per_s_10000", "growth_1000", "growth_10000"},
    ),
}


OF_WORKERS = ("claims", "latency", "offer", "timers", "live", "restart", "scale", "scale-offers")
OF_THE_CONSOLE = ("live-browser", "pages", "listeners")
OF_POSTGRES = ("sink",)
ALONE = tuple(name for name in SMALL if name not in {*OF_WORKERS, *OF_THE_CONSOLE, *OF_POSTGRES})


@pytest.fixture(scope="module")
def given_cluster(server_folder: Path) -> Iterator[Settings]:
    """Yield the settings of a cluster that is given to measurements and that nobody else uses."""
    with make_kafka(server_folder / "bench-kafka") as broker:
        yield Settings.read(state_dir=server_folder / "bench", kafka_bootstrap_servers=broker.bootstrap)


@pytest.fixture(scope="module")
def console() -> Iterator[RunningStack]:
    """Yield the console's stack, as a measurement starts and ends it. Afterwards its folder is gone."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
        patch.setattr(tempfile, "tempdir", folder)
        with console_testbed.stack(print) as running:
            yield running
        assert list(Path(folder).iterdir()) == []


def check_measurement(name: str, **more: Any) -> None:
    """Run a measurement, and check what it says."""
    sizes, promised = SMALL[name]
    messages: list[str] = []
    result = BENCHES[name](say=messages.append, **sizes, **more)
    assert promised <= result.keys()
    assert all(result[key] > 0 for key in promised)
    assert result.get("wrong", 0) == 0, "nobody misses a change"
    assert messages, "it says how far it is"


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_POSTGRES)
def test_a_measurement_of_postgres_says_its_figures_and_leaves_nothing_behind(
    name: str, server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder must be open to the user that Postgres runs as."""
    folder = server_folder / f"bench-{name}"
    folder.mkdir(mode=0o711)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    check_measurement(name)
    assert list(folder.iterdir()) == []


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize("name", ALONE)
def test_a_measurement_says_its_figures_and_leaves_nothing_behind(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    check_measurement(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.kafka
@pytest.mark.slow
def test_a_given_cluster_that_is_in_use_is_not_measured(kafka: str, tmp_path: Path) -> None:
    """Made-up leads among real ones would be assigned to real reps."""
    used = Settings.read(state_dir=tmp_path, kafka_bootstrap_servers=kafka)
    asyncio.run(provision(used))
    with (
        pytest.raises(ConfigError, match=r"KAFKA_BOOTSTRAP_SERVERS.*used by firstclaim"),
        open_testbed(used),
    ):
        pass


@pytest.mark.kafka
@pytest.mark.slow
def test_a_measurement_that_is_told_to_end_leaves_nothing_behind(tmp_path: Path) -> None:
    measuring = subprocess.Popen(
        [
            sys.executable,
            "-u",
            "-c",
            "from bench import BENCHES; BENCHES['recovery'](say=print, leads=500_000)",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])},
        text=True,
    )
    assert measuring.stdout is not None
    assert any("taking in" in line for line in measuring.stdout)
    measuring.terminate()
    _, complaint = measuring.communicate()
    assert measuring.returncode == -signal.SIGINT, complaint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize("name", OF_WORKERS)
def test_a_measurement_on_a_given_cluster_leaves_it_as_it_was(
    name: str, given_cluster: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    check_measurement(name, settings=given_cluster)
    assert list(tmp_path.iterdir()) == []
    assert until(lambda: asyncio.run(names(given_cluster)) <= {"__consumer_offsets"}), asyncio.run(
        names(given_cluster)
    )


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize("name", OF_THE_CONSOLE)
def test_a_measurement_of_the_console_says_its_figures(
    name: str, console: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(f"bench.{name.replace('-', '_')}")
    monkeypatch.setattr(module, "stack", lambda _: nullcontext(console))
    check_measurement(name)


def test_a_size_that_a_measurement_does_not_have_is_refused_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match=r"pages: is no size of this measurement, which has offers"):
        BENCHES["allocate"](pages=3)


async def names(settings: Settings) -> set[str]:
    """Return the names of all topics of a cluster."""
    admin = clients.admin(settings)
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()
