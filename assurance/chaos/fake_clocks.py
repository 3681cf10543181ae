"""Gives processes of a chaos run a wall clock of their own that can jump while they run, by libfaketime.

Only the wall clock jumps. The monotonic clock, which no operating system moves, goes on as it is.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from models.errors import ConfigError

LIBRARIES: Final = (
    "/usr/lib/*/faketime/libfaketimeMT.so.1",
    "/usr/local/lib/faketime/libfaketimeMT.so.1",
)
"""Where Debian's package and a build from source put the library."""
LOOK_SECONDS: Final = 1
"""How long a process may go on with the former offset."""


class FakeClocks:
    """Keeps a file with an offset for each process, in `folder`. Raises ConfigError where libfaketime is missing."""

    def __init__(self, folder: Path) -> None:
        found = next((path for pattern in LIBRARIES for path in sorted(Path("/").glob(pattern[1:]))), None)
        if found is None:
            raise ConfigError(
                "--clock-jumps", "there is no libfaketime; install it, on Debian by apt-get install faketime"
            )
        self._library = found
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def environment(self, name: str) -> dict[str, str]:
        """Return what a process needs in its environment to have a clock that `jump` moves."""
        self.jump([name], 0)
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file(name)),
            "FAKETIME_CACHE_DURATION": str(LOOK_SECONDS),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def jump(self, who: Iterable[str], seconds: int) -> int:
        """Set the clocks of processes so many seconds ahead, or behind if negative. Return how many were set."""
        count = 0
        for name in who:
            new = self._file(name).with_suffix(".new")
            new.write_text(f"{seconds:+d}\n")
            new.replace(self._file(name))
            count += 1
        return count

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.clock"
