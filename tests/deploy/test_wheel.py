"""The wheel works in an empty virtual environment without the sources: a lead goes in, `verify` agrees."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.deploy.sources import REPO, copy_sources, uv
from tests.fixtures.waiting import LONG_PATIENCE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PYTHON: Final = os.environ.get("FIRSTCLAIM_TEST_PYTHON", sys.executable)
"""The interpreter of the empty environment. Another version can be named to try it."""
STACK_VARIABLES: Final = (
    "KAFKA_BOOTSTRAP_SERVERS",
    "REDIS_URL",
    "DATABASE_URL",
    "FIRSTCLAIM_STATE_DIR",
    "PYTHONPATH",
)
UNSHIPPED: Final = frozenset({".npmrc", "README.md", "rule-builder.sha256", "tsconfig.json", "types.d.ts"})
"""Files that only checks of the sources need."""
IMPORTED: Final = (
    *("agents.worker", "sink.service", "board.process", "web.process"),
    *("runtime.up", "application.importing.send", "assurance.verify"),
)
"""What the processes import. One process compiles it first, because they all start at once, and each would compile it.
"""
LEADS: Final = "external_id,first_name,last_name,phone,state\nw-1,Pat,Wheeler,401-419-4247,RI\n"


class Installed:
    """An empty virtual environment with the wheel, and a folder of its own where its commands run."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        self.wheel = wheel
        self.bin = folder / "venv" / "bin"
        plain = {name: value for name, value in os.environ.items() if name not in STACK_VARIABLES}
        self.environment = {**plain, "VIRTUAL_ENV": str(folder / "venv"), "FIRSTCLAIM_STATE_DIR": "state"}

    def run(self, program: str, *arguments: str) -> str:
        """Run a program of the environment; assert that it succeeds, and return what it printed."""
        completed = subprocess.run(
            [self.bin / program, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONG_PATIENCE_SECONDS,
        )
        assert completed.returncode == 0, f"{program} {arguments}: {completed.stdout}{completed.stderr}"
        return completed.stdout


@pytest.fixture(scope="module")
def installed_wheel(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build the wheel from a copy of what git knows, and install it with the locked versions of what it needs."""
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"
    copy_sources(sources)
    uv(folder, "build", "--wheel", "--out-dir", folder / "dist", sources)
    (wheel,) = (folder / "dist").glob("*.whl")
    installed = Installed(folder, wheel)
    uv(folder, "venv", "--python", PYTHON, folder / "venv")
    uv(
        folder,
        "pip",
        "install",
        "--python",
        installed.bin / "python",
        "--constraint",
        REPO / "requirements.lock",
        wheel,
    )
    installed.run("python", "-c", f"import {', '.join(IMPORTED)}")
    return installed


@pytest.fixture
def running(installed_wheel: Installed) -> Iterator[Installed]:
    """Run `firstclaim up` until it says that it is ready; stop it, and assert that it ends well.

    Not by SIGINT: a shell starts what runs in its background with SIGINT ignored, and so may have started this suite.
    """
    log = installed_wheel.folder / "up.log"
    with log.open("wb") as output:
        up = subprocess.Popen(
            [installed_wheel.bin / "firstclaim", "up", "--console-port", "0"],
            cwd=installed_wheel.folder,
            env=installed_wheel.environment,
            stdout=output,
            stderr=output,
        )
    try:
        assert until(
            lambda: "all ready after" in log.read_text() or up.poll() is not None, LONG_PATIENCE_SECONDS
        )
        assert up.poll() is None, log.read_text()
        yield installed_wheel
        up.send_signal(signal.SIGTERM)
        assert up.wait(LONG_PATIENCE_SECONDS) == 0, log.read_text()
    finally:
        if up.poll() is None:
            up.terminate()
            up.wait(LONG_PATIENCE_SECONDS)


def test_the_wheel_has_every_file_of_its_packages(installed_wheel: Installed) -> None:
    """Templates, scripts, migrations and data come along, and nothing of the tests."""
    project = tomllib.loads((REPO / "pyproject.toml").read_text())
    rooms = [name.removesuffix("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]]
    packed = {name for name in zipfile.ZipFile(installed_wheel.wheel).namelist() if ".dist-info/" not in name}
    sources = installed_wheel.folder / "sources"
    source_files = {
        str(path.relative_to(sources))
        for room in rooms
        for path in (sources / room).rglob("*")
        if path.is_file() and not path.is_relative_to(sources / "web" / "island")
    }
    left_out = {name for name in source_files - packed if not name.startswith(("web/package", "web/biome"))}
    assert {Path(name).name for name in left_out} <= UNSHIPPED
    assert packed <= source_files


def test_a_lead_goes_in_and_verify_agrees(running: Installed) -> None:
    version = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["version"]
    assert running.run("firstclaim", "--version").strip() == f"firstclaim {version}"
    assert "vendor" in running.run("firstclaim", "--help")
    module_files = running.run("python", "-c", "import cli, web; print(cli.__file__, web.__file__)").split()
    assert all(Path(file).is_relative_to(running.folder / "venv") for file in module_files), module_files
    (running.folder / "leads.csv").write_text(LEADS)
    running.run("firstclaim", "send", "leads.csv", "--vendor", "acme", "--campaign", "")
    checked = json.loads(running.run("firstclaim", "verify", "--json").splitlines()[-1])
    assert (checked["ok"], checked["leads"], checked["crm_rows"]["lead"]) == (True, 1, 1)
