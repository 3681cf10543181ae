"""Keeps how many rows of a file Kafka has in the state folder, so that an interrupted `send` can go on."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from models.errors import RuntimeFailure
from streams.file_permissions import private_folder, private_opener

SAVED_EVERY: Final = 1_000
"""Rows between two writes. A `send` that is killed sends at most so many rows, and those in flight, a second time."""
MAX_FILES: Final = 200
"""How many files are remembered: those that were sent last."""


class Progress:
    """The rows of one file that are durable. They become durable in the order of the file."""

    def __init__(self, path: Path, rows: int) -> None:
        self._path, self.rows = path, rows

    @classmethod
    def of(cls, state_dir: Path, path: Path, mapping: Path | None, names: tuple[str, ...]) -> Self:
        """Return the progress of a file: of its content, its mapping, and the names of cluster, vendor and so on."""
        digest = hashlib.sha256()
        for file_path in (path, mapping):
            if file_path is not None:
                with file_path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
            digest.update(b"\n")
        digest.update("\n".join(names).encode())
        path = state_dir / "sends" / f"{digest.hexdigest()}.json"
        rows = 0
        with suppress(OSError, ValueError, KeyError, TypeError):
            rows = max(0, int(json.loads(path.read_text(encoding="utf-8"))["rows"]))
        return cls(path, rows)

    def advance(self) -> None:
        """Count one more durable row."""
        self.rows += 1
        if self.rows % SAVED_EVERY == 0:
            self.save()

    def save(self) -> None:
        """Write the number of rows, whole or not at all. Raises `RuntimeFailure` if it cannot be written."""
        try:
            private_folder(self._path.parent)
            new_file = self._path.with_suffix(f".{os.getpid()}")
            with open(
                new_file, "w", opener=private_opener, encoding="utf-8"
            ) as file:  # Path.open accepts no opener
                json.dump({"rows": self.rows}, file)
            new_file.replace(self._path)
            files = sorted(self._path.parent.glob("*.json"), key=lambda saved: saved.stat().st_mtime)
            for old in files[:-MAX_FILES]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise RuntimeFailure(str(self._path), f"cannot be written: {error.strerror}") from error
