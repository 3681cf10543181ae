"""A folder for a stack that lives as long as one run: of a measurement, of chaos, of a storm."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.file_permissions import private_folder
from streams.settings import Settings


@contextmanager
def own_folder(purpose: str) -> Iterator[Path]:
    """Yield a new folder and remove it with all that is in it at the end.

    It is made in the state folder where that is given (`--state-dir`, `FIRSTCLAIM_STATE_DIR`), else where temporary
    files are. Nothing else in the state folder is touched.
    """
    given = Settings.read()
    place = given.state_dir.absolute() if given.given("state_dir") else None
    if place is not None:
        private_folder(place)
    with tempfile.TemporaryDirectory(
        prefix=f"firstclaim-{purpose}-", dir=place, ignore_cleanup_errors=True
    ) as name:
        yield Path(name)
