"""Runs Debian's Prometheus, which scrapes a running stack. `make prometheus` fetches it."""

from __future__ import annotations

import re
import signal
import subprocess
import urllib.parse
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import yaml

from runtime.process import free_port, spawn
from tests.fixtures.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY: Final = Path(__file__).parents[2]
DEPLOY: Final = REPOSITORY / "deploy" / "prometheus"
PROGRAMS: Final = REPOSITORY / "build" / "prometheus" / "usr" / "bin"
STEP_SECONDS: Final = 1
"""How often Prometheus scrapes and evaluates here. In deploy/ it is 15 s."""


def promtool(*arguments: str, stdin: bytes | None = None, folder: Path | None = None) -> str:
    """Return what promtool printed. Raises AssertionError if it finds something."""
    completed = subprocess.run(
        [str(PROGRAMS / "promtool"), *arguments],
        input=stdin,
        cwd=folder,
        capture_output=True,
        timeout=120,
        check=False,
    )
    printed = (completed.stdout + completed.stderr).decode()
    assert completed.returncode == 0, printed
    return printed


class Prometheus:
    """A running Prometheus with the alerts of deploy/, which fire after seconds instead of minutes.

    `targets`: process -> host and port. The label `process` of a worker is its name, as in `deploy/prometheus`.
    """

    def __init__(self, folder: Path, targets: Mapping[str, str]) -> None:
        folder.mkdir()
        config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
        config["global"] = {
            "scrape_interval": f"{STEP_SECONDS}s",
            "scrape_timeout": f"{STEP_SECONDS}s",
            "evaluation_interval": f"{STEP_SECONDS}s",
        }
        [job] = config["scrape_configs"]
        job["static_configs"] = [
            {"targets": [target], "labels": {"process": process}} for process, target in targets.items()
        ]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        alerts = (DEPLOY / "alerts.yml").read_text()
        (folder / "alerts.yml").write_text(re.sub(r"for: \d+m", "for: 2s", alerts))
        promtool("check", "config", str(folder / "prometheus.yml"))
        self._address = f"127.0.0.1:{free_port()}"
        # One client for all queries: a new one reads the machine's certificate authorities each time.
        self._client = httpx.Client(base_url=f"http://{self._address}/api/v1/", timeout=PATIENCE_SECONDS)
        self._process = spawn(
            [
                str(PROGRAMS / "prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={self._address}",
            ],
            folder / "prometheus.log",
        )

    def query(self, promql: str) -> list[dict[str, Any]]:
        """Return the series of a query at this moment. Raises AssertionError for a query that is wrong."""
        reply = self._get("query?" + urllib.parse.urlencode({"query": promql}))
        return reply["result"] if reply else []

    def firing(self) -> set[tuple[str, str]]:
        """Return the name and process of each alert that fires."""
        reply = self._get("alerts")
        return {
            (alert["labels"]["alertname"], alert["labels"].get("process", ""))
            for alert in (reply["alerts"] if reply else [])
            if alert["state"] == "firing"
        }

    def _get(self, path: str) -> dict[str, Any]:
        try:
            answer = self._client.get(path)
        except httpx.TransportError:
            return {}  # it has not started yet
        assert answer.is_success or answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE, answer.text
        data: dict[str, Any] = answer.json()["data"] if answer.is_success else {}
        return data

    def stop(self) -> None:
        """Stop it."""
        self._client.close()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(PATIENCE_SECONDS)
