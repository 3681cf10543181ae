"""Makes a folder for a stack that exists for one run only: a benchmark, a chaos run or a storm."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.file_permissions import PASSABLE, private_folder
from streams.settings import Settings


@contextmanager
def own_folder(purpose: str, *, passable: bool = False) -> Iterator[Path]:
    """Yield a new folder, and remove it with its content at the end.

    `passable`: another user must pass through the state folder if it is made here (Postgres, when root starts it).

    It is created in the state folder if that is given (`--state-dir`, `FIRSTCLAIM_STATE_DIR`), else in the system's
    temporary folder. Nothing else in the state folder is changed.
    """
    settings = Settings.read()
    folder = settings.state_dir.absolute() if settings.given("state_dir") else None
    if folder is not None:
        missing = [part for part in (folder, *folder.parents) if not part.exists()]
        private_folder(folder)
        if passable:
            for part in missing:
                part.chmod(PASSABLE)
    with tempfile.TemporaryDirectory(
        prefix=f"firstclaim-{purpose}-", dir=folder, ignore_cleanup_errors=True
    ) as name:
        yield Path(name)
