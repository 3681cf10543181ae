"""No process imports a package or a room that it never uses. Each would cost every start processor time."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

ROOMS: Final = {"agents", "application", "assurance", "bench", "board", "couriers", "runtime", "sink", "web"}
FRAMEWORKS: Final = {"aiohttp", "fastapi", "starlette", "uvicorn", "jinja2", "faust", "mode"}
STORES: Final = {"sqlalchemy", "alembic", "mako", "redis", "cryptography"}
OTHERS: Final = {"rich", "pygments", "yaml", "croniter", "dateutil", "pytz", "attr", "opentelemetry.sdk"}
ALL: Final = ROOMS | FRAMEWORKS | STORES | OTHERS
USED: Final = {
    "agents.worker": {"agents", "faust", "mode"},
    "sink.service": {"sink", "sqlalchemy"},
    "board.process": {"board", "redis", "cryptography"},
    "couriers.process": {"couriers"},
    "web.process": ROOMS - {"agents", "assurance", "bench", "runtime"}
    | {"fastapi", "starlette", "uvicorn", "jinja2", "sqlalchemy", "redis", "cryptography", "yaml"},
    "cli": set(),
}
"""What each process imports of `ALL`."""


def run(program: str) -> str:
    """Return what a new interpreter prints."""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("part", USED)
def test_a_process_imports_none_of_these_packages(part: str) -> None:
    program = f"import sys, cli, {part}\nprint(*sys.modules)"
    imported = set(run(program).split())
    assert imported & ALL == USED[part]


def test_a_worker_needs_none_of_the_stand_ins_and_others_get_the_real_packages() -> None:
    program = """
import sys
import agents.worker
from streams.app import make_app
from streams.settings import Settings
import tempfile
agents.worker.worker_stages(make_app("lean", Settings.read(state_dir=tempfile.mkdtemp())))
print(*({"aiohttp", "aiohttp.client", "croniter", "croniter.croniter", "yaml"} & sys.modules.keys()))
import aiohttp, croniter, yaml
print(aiohttp.ClientSession.__module__, croniter.croniter.__module__, yaml.safe_load("1"))
"""
    assert run(program) == "\naiohttp.client croniter.croniter 1\n"


@pytest.mark.parametrize(("without", "searches"), [("", False), ("discovery", True)])
def test_discovery_nothing_is_read_for_a_declared_agent(without: str, *, searches: bool) -> None:
    """Fact 34: stock Faust searches all modules and reads sources for each agent and task."""
    program = f"""
import agents.worker
import inspect, tempfile
from functools import partial
from streams import app, patches
from streams.patches.registry import PATCHES
from streams.settings import Settings
app.patches.apply = partial(patches.apply, only=frozenset(PATCHES) - {{{without!r}}})
asked, find = [], inspect.findsource
inspect.findsource = lambda found: asked.append(found) or find(found)
agents.worker.worker_stages(app.make_app("lean", Settings.read(state_dir=tempfile.mkdtemp())))
print(bool(asked))
"""
    assert run(program) == f"{searches}\n"


def test_a_stand_in_that_is_used_says_so() -> None:
    program = """
import agents
import faust.types.web, mode.utils.cron
for use in (faust.types.web.HttpClientT, lambda: mode.utils.cron.secs_for_next("* * * * *")):
    try:
        use()
    except Exception as error:
        print(error)
"""
    assert run(program) == (
        "ClientSession stands in for a class that nobody should use\n"
        "croniter stands in for a class that nobody should use\n"
    )


def test_a_library_that_was_imported_before_stays_as_it_is() -> None:
    program = """
import aiohttp, yaml, faust.app
import agents
import faust.types.web
print(faust.types.web.HttpClientT is aiohttp.ClientSession)
"""
    assert run(program) == "True\n"
