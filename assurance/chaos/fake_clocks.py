"""Gives processes of a chaos run a wall clock of their own that can jump while they run.

Only the wall clock jumps. The monotonic clock, which no operating system moves, goes on as it is. The library that does
it is compiled from `fake_clock.c`, which says why it is not libfaketime.
"""

import os
import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from models.errors import ConfigError

SOURCE: Final = Path(__file__).with_name("fake_clock.c")
COMPILE_SECONDS: Final = 60.0


class FakeClocks:
    """Keeps a file with an offset for each process, in `folder`. Raises ConfigError where no C compiler is there."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            raise ConfigError("--clock-jumps", "there is no C compiler cc; on Debian apt-get install gcc")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._library = folder / "fake_clock.so"
        command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(self._library), str(SOURCE)]
        result = subprocess.run(
            command,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMPILE_SECONDS,
        )
        if result.returncode:
            raise ConfigError("--clock-jumps", f"{SOURCE.name} does not compile: {result.stdout.strip()}")

    def environment(self, name: str) -> dict[str, str]:
        """Return what a process needs in its environment to have a clock that `jump` moves."""
        self._file(name).write_bytes(struct.pack("=q", 0))
        return {"LD_PRELOAD": str(self._library), "FIRSTCLAIM_FAKE_CLOCK": str(self._file(name))}

    def jump(self, names: Iterable[str], seconds: int) -> int:
        """Set the clocks of processes so many seconds ahead, or behind if negative. Return how many were set."""
        count = 0
        for name in names:
            # The process has mapped the file: the same file gets the number, in one write.
            number = os.open(self._file(name), os.O_WRONLY)
            try:
                os.write(number, struct.pack("=q", seconds))
            finally:
                os.close(number)
            count += 1
        return count

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.clock"
