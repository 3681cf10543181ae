"""A wheel that is built with FIRSTCLAIM_COMPILE=1 has the compiled core, and its name says for which platform."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest

from streams.compiled_core import MANIFEST, SUFFIX
from tests.deploy.sources import copy_sources, uv
from tests.fixtures.waiting import LONG_PATIENCE_SECONDS

pytestmark = pytest.mark.slow

COMPILED_MODULE: Final = "models.record_size"
"""The wheel's build is tried with one module. All would take a minute of a core."""
ASK: Final = """
import json
from streams import compiled_core
core = compiled_core.use()
import models.record_size
print(json.dumps([core.modules, core.reason, models.record_size.__file__]))
"""


def test_a_compiled_wheel_runs_compiled_where_it_is_installed(tmp_path: Path) -> None:
    copy_sources(tmp_path / "sources")
    tool = tmp_path / "sources" / "tools" / "compiled_core.py"
    tool.write_text(tool.read_text() + f"\nMODULES = ({COMPILED_MODULE!r},)\n")
    # `build` has read the list as its default, so the default is replaced, too.
    tool.write_text(tool.read_text() + "build.__defaults__ = (MODULES, ROOT)\n")
    uv(
        tmp_path,
        *("build", "--wheel", "--python", sys.executable, "--out-dir", tmp_path / "dist"),
        tmp_path / "sources",
        FIRSTCLAIM_COMPILE="1",
        CFLAGS="-O0",
    )
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert not wheel.name.endswith("-none-any.whl")
    installed = tmp_path / "site-packages"
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(installed)
    assert (installed / "tools" / "inline_caches.h").is_file()  # an installation compiles, too
    assert sorted(file.name for file in (installed / "streams" / "compiled").iterdir()) == [
        MANIFEST,
        f"{COMPILED_MODULE}{SUFFIX}",
    ]
    completed = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=installed,
        capture_output=True,
        text=True,
        check=True,
        timeout=LONG_PATIENCE_SECONDS,
    )
    modules, reason, file = json.loads(completed.stdout)
    assert (modules, reason) == (1, "")
    assert Path(file) == installed / "streams" / "compiled" / f"{COMPILED_MODULE}{SUFFIX}"
