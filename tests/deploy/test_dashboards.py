"""Prometheus scrapes a real stack: every query of every dashboard and alert has data, and a stopped sink is alerted."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from application.process_records import FOLDER, ProcessRecord
from runtime.process import spawn
from runtime.stack import find_running
from streams import metrics
from streams.settings import Settings
from tests.deploy.prometheus import STEP_SECONDS, Prometheus, promtool
from tests.deploy.test_alerts import RULES
from tests.fixtures.waiting import LONG_PATIENCE_SECONDS, PATIENCE_SECONDS, until
from tools import metrics_page
from tools.dashboard_panels import DASHBOARDS, RANGE, RATE
from tools.dashboards import FOLDER as DASHBOARD_FOLDER
from tools.dashboards import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

KCAT: Final = os.environ.get("KCAT", "/usr/bin/kcat")
PROCESSES: Final = {"worker-1", "relay", "sink", "board", "courier-mail", "console"}
CLIENT: Final = httpx.Client(timeout=PATIENCE_SECONDS, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
"""One client for all pages, which are plain HTTP: it reads no authorities."""
THRESHOLD: Final = re.compile(r" [<>] [0-9.]+$")
RARE: Final = {"FirstclaimFatalErrors", "FirstclaimReaderLate"}
"""Alerts whose series exist only after a fault of our own code, or after an hour. promtool fires them."""
QUERIES: Final = {
    f"{board.name}: {panel.title}: {query.legend}": query.promql.replace(RATE, "1m").replace(RANGE, "10m")
    for board in DASHBOARDS
    for panel in board.panels
    for query in panel.queries
} | {rule["alert"]: THRESHOLD.sub("", rule["expr"]) for rule in RULES if rule["alert"] not in RARE}


def test_the_committed_dashboards_are_up_to_date() -> None:
    """Run `python -m tools.dashboards` when this fails."""
    committed = {path: path.read_text(encoding="utf-8") for path in DASHBOARD_FOLDER.glob("*.json")}
    assert committed == files()


def test_the_page_of_metrics_is_up_to_date_and_its_queries_use_metrics_that_exist() -> None:
    """Run `python -m tools.metrics_page` when this fails."""
    page = metrics_page.PAGE.read_text(encoding="utf-8")
    assert page == metrics_page.page()
    listed = set(re.findall(r"^\| `(firstclaim_\w+)` \|", page, re.MULTILINE))
    exposed = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in metrics.REGISTRY.collect()
        if family.name.startswith("firstclaim_")
    }
    assert listed == exposed
    for query in metrics_page.QUERIES.values():
        (used,) = re.findall(r"firstclaim_\w+", query)
        assert used.removesuffix("_bucket") in listed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dashboards")


@pytest.fixture(scope="module")
def records(folder: Path) -> Iterator[dict[str, ProcessRecord]]:
    """Yield the processes of a running demo, in which leads arrive, are claimed and offered, and mails are sent."""
    state = folder / "state"
    command = [sys.executable, "-m", "cli", "demo", "--state-dir", str(state), "--console-port", "0"]
    environment = {**os.environ, "FIRSTCLAIM_STATE_DIR": str(state)}
    demo = spawn(command, folder / "demo.log", environment=environment)
    running_records: dict[str, ProcessRecord] = {}

    def running() -> bool:
        assert demo.poll() is None, (folder / "demo.log").read_text()
        for path in (state / FOLDER).glob("*.json"):
            record = msgspec.json.decode(path.read_bytes(), type=ProcessRecord)
            if record.name in running_records:
                continue
            if record.ready_url is not None and http_get(record.ready_url.replace("/ready", "/metrics")):
                running_records[record.name] = record
        return running_records.keys() >= PROCESSES

    try:
        assert until(running, seconds=LONG_PATIENCE_SECONDS, every=STEP_SECONDS), sorted(running_records)
        yield running_records
    finally:
        demo.send_signal(signal.SIGTERM)
        demo.wait(LONG_PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def prometheus(folder: Path, records: dict[str, ProcessRecord]) -> Iterator[Prometheus]:
    """Yield a Prometheus that scrapes every process of the demo."""
    running = Prometheus(
        folder / "prometheus", {name: urlsplit(str(records[name].ready_url)).netloc for name in PROCESSES}
    )
    yield running
    running.stop()


def http_get(url: str) -> bytes:
    try:
        return CLIENT.get(url).raise_for_status().content
    except httpx.HTTPError:
        return b""


@pytest.mark.parametrize("process", sorted(PROCESSES))
def test_promtool_finds_nothing_in_the_metrics_of(process: str, records: dict[str, ProcessRecord]) -> None:
    metrics = http_get(str(records[process].ready_url).replace("/ready", "/metrics"))
    assert promtool("check", "metrics", stdin=metrics) == ""


def test_every_query_of_the_dashboards_and_alerts_has_data(
    folder: Path, records: dict[str, ProcessRecord], prometheus: Prometheus
) -> None:
    """The demo does all but this: a vendor sends what is no JSON, and somebody looks at the console.

    Prometheus knows nothing new before its next scrape, so it is not asked more often.
    """
    console = urlsplit(str(records["console"].ready_url)).netloc
    settings = find_running(Settings.read().model_copy(update={"state_dir": folder / "state"}))
    without: dict[str, str] = dict(QUERIES)

    def all_answered() -> bool:
        send_invalid_message(settings)
        assert http_get(f"http://{console}/sign-in")
        for name, promql in list(without.items()):
            if any(sample["value"][1] != "NaN" for sample in prometheus.query(promql)):
                del without[name]
        return not without

    assert until(all_answered, seconds=LONG_PATIENCE_SECONDS, every=STEP_SECONDS), without
    assert len(QUERIES) > 40


def send_invalid_message(settings: Settings) -> None:
    """Send a message that cannot be accepted, by a client that is not ours."""
    command = [KCAT, "-P", "-b", settings.kafka_bootstrap_servers, "-t", "lead-arrivals"]
    subprocess.run(command, input=b"no JSON\n", timeout=PATIENCE_SECONDS, check=True)


def test_a_stopped_sink_is_alerted_and_the_alert_ends(
    records: dict[str, ProcessRecord], prometheus: Prometheus
) -> None:
    sink = ("FirstclaimProcessDown", "sink")
    assert until(
        lambda: prometheus.query('up{process="sink"} == 1'), seconds=LONG_PATIENCE_SECONDS, every=STEP_SECONDS
    )
    pid = records["sink"].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        assert until(lambda: sink in prometheus.firing(), seconds=LONG_PATIENCE_SECONDS, every=STEP_SECONDS)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert until(lambda: sink not in prometheus.firing(), seconds=LONG_PATIENCE_SECONDS, every=STEP_SECONDS)
