"""Copies what git knows of the sources, without tests and documents, to build a wheel from."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.fixtures.waiting import LONG_PATIENCE_SECONDS

REPO: Final = Path(__file__).parents[2]
UV: Final = Path(sys.executable).parent / "uv"


def copy_sources(into: Path) -> None:
    """Copy the files that belong to the packages and their build."""
    named = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPO,
        check=True,
        capture_output=True,
    )
    for name in filter(None, named.stdout.decode().split("\0")):
        if not name.startswith(("tests/", "docs/")) and (REPO / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            (into / name).write_bytes((REPO / name).read_bytes())


def uv(folder: Path, *arguments: str | Path, **environment: str) -> None:
    """Run uv outside of the sources."""
    subprocess.run(
        [UV, "--quiet", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        check=True,
        timeout=LONG_PATIENCE_SECONDS,
    )
