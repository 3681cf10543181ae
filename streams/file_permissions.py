"""Makes our files and folders private to their owner: folders 0700, files 0600, for any umask.

A state folder holds leads, accounts and passwords. Permissions that an earlier version left open are removed. Only our
own files are changed, because a state folder may be a user's folder with other files in it.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UMASK: Final = 0o077
"""The permission bits that a new file must not have."""
PASSABLE: Final = 0o711
"""The mode of a folder that another user must be able to pass through."""
_FOLDER: Final = 0o700
_FILE: Final = 0o600
_OWN_FILES: Final = ("kafka", "valkey", "log", "faust", "lock", "console.key", "erasure.key")
"""Our entries of a state folder, by name. Postgres's folder is not changed: it may belong to another user."""
_POSTGRES_FILES: Final = ("postgres",)
_DATABASES: Final = ("crm.sqlite", "console.sqlite")
"""Prefixes of our database files; SQLite's own files beside them have the same prefixes."""


def private_umask() -> None:
    """Make every file that this process creates from now on private to its user."""
    os.umask(os.umask(UMASK) | UMASK)


def private_folder(folder: Path) -> None:
    """Create a folder and its missing parents, private to the owner; an existing folder stays as it is."""
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    for part in reversed(missing):
        with contextlib.suppress(FileExistsError):
            part.mkdir(mode=_FOLDER)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, even if it existed with wider permissions."""
    with open(path, "w", opener=private_opener) as file:  # Path.open accepts no opener
        os.fchmod(file.fileno(), _FILE)
        file.write(text)


def private_opener(path: str, flags: int) -> int:
    """Open a file as `open` does; a new file is private to its owner."""
    return os.open(path, flags, _FILE)


def close_state_folder(folder: Path, *, passable: bool = False) -> list[str]:
    """Make a state folder private to its owner; return a sentence for each thing that was open to others.

    `passable`: another user must reach the folder's content (Postgres, when root starts it), but may not list it.
    A folder that has entries which are not ours keeps its mode, and a sentence reports that.
    """
    private_folder(folder)
    warnings = []
    if closed := sum(_close(path) for path in _ours_in(folder)):
        warnings.append(
            f"{closed} files and folders in {folder} were open to other users; now only you may read them"
        )
    strangers = sorted(path.name for path in folder.iterdir() if not _is_ours(path.name))
    if not strangers or not _others_may(folder):
        if _close(folder):
            warnings.append(f"{folder} was open to other users; now it is yours alone")
        if passable:
            folder.chmod(PASSABLE)
    else:
        mode = stat.S_IMODE(folder.stat().st_mode)
        warnings.append(
            f"{folder} keeps its mode {mode:o}, because {strangers[0]} in it is not ours; "
            "other users may see the names of our files and read none of them"
        )
    return warnings


def _is_ours(name: str) -> bool:
    return name in (*_OWN_FILES, *_POSTGRES_FILES) or name.startswith(_DATABASES)


def _ours_in(folder: Path) -> Iterator[Path]:
    """Yield every file and folder of ours in a state folder, without links."""
    for path in folder.iterdir():
        if path.name not in _OWN_FILES and not path.name.startswith(_DATABASES):
            continue
        yield path
        if path.is_dir() and not path.is_symlink():
            for base, folders, files in os.walk(path):
                yield from (path.__class__(base) / name for name in (*folders, *files))


def _close(path: Path) -> bool:
    """Remove the permissions of all but the owner from a file or folder; return whether there were any."""
    with contextlib.suppress(FileNotFoundError, PermissionError):  # it is gone, or we may not change it
        if not path.is_symlink() and _others_may(path):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~UMASK)
            return True
    return False


def _others_may(path: Path) -> bool:
    return bool(path.stat().st_mode & UMASK)
