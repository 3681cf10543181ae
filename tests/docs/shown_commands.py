"""The commands that pages show, and the tests that run them.

A block of commands has a name in a comment before it: `<!-- run: kafka -->`. A test runs it by page and name,
`run(shown("operations/backup", "kafka"), …)`, in a shell that ends at the first command that fails.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.docs.repository import DOCS, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BLOCK: Final = re.compile(
    r"(?:^ *<!-- run: ([a-z-]+) -->\n)?^( *)```sh\n(.*?)^\2```$", re.MULTILINE | re.DOTALL
)
COMMAND_SECONDS: Final = 300


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Yield name and commands of each block of a page; the name is empty if nothing names it."""
    for match in _BLOCK.finditer(read(page)):
        yield match[1] or "", textwrap.dedent(match[3])


def commands_of_block(page: str, name: str) -> str:
    """Return the commands of a block. `page`: its path below docs, without `.md`."""
    return dict(blocks(DOCS / f"{page}.md"))[name]


def run(
    commands: str, folder: Path, environment: Mapping[str, object], *, expected: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run commands in a folder, with `firstclaim` on the path; assert their exit code. Return what they printed."""
    own = Path(sys.executable).parent
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{own}:{os.environ['PATH']}",
            **{name: str(value) for name, value in environment.items()},
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert result.returncode == expected, f"{commands}\n{result.stdout}\n{result.stderr}"
    return result
