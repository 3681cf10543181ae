"""Keeps our files and folders private to their owner: folders 0700, files 0600, whatever the umask.

A state folder holds leads, accounts and passwords. What an earlier version left open to others is closed. Only what is
ours is touched: a state folder may be somebody's own folder, with other things in it.
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
"""What a process of ours must not give to others when it makes a file."""
PASSABLE: Final = 0o711
"""Of a folder that another user must pass through."""
_FOLDER: Final = 0o700
_FILE: Final = 0o600
_OURS: Final = ("kafka", "valkey", "log", "faust", "lock")
"""What is in a state folder by name; Postgres's folder is left to it, because it may belong to another user."""
_ALSO_OURS: Final = ("postgres",)
_DATABASES: Final = ("crm.sqlite", "console.sqlite")
"""Likewise, with SQLite's own files beside them."""


def private_umask() -> None:
    """Let everything this process makes from now on be its user's alone."""
    os.umask(os.umask(UMASK) | UMASK)


def private_folder(folder: Path) -> None:
    """Make a folder, and the ones above it that are missing, for its owner alone; one that is there stays as it is."""
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    for part in reversed(missing):
        with contextlib.suppress(FileExistsError):
            part.mkdir(mode=_FOLDER)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, also if it was there and open to others."""
    with open(path, "w", opener=private_opener) as file:  # a Path's own open takes no opener
        os.fchmod(file.fileno(), _FILE)
        file.write(text)


def private_opener(path: str, flags: int) -> int:
    """Open as `open` does; a file that is made is its owner's alone."""
    return os.open(path, flags, _FILE)


def close_state_folder(folder: Path, *, passable: bool = False) -> list[str]:
    """Make a state folder its owner's alone; return a sentence for each thing that was open to others.

    `passable`: another user must reach what is in it (Postgres, when started by root), but may not list it.
    A folder with things in it that are not ours keeps its mode, and it is said.
    """
    private_folder(folder)
    said = []
    if closed := sum(_close(path) for path in _ours_in(folder)):
        said.append(
            f"{closed} files and folders in {folder} were open to other users; now only you may read them"
        )
    strangers = sorted(path.name for path in folder.iterdir() if not _is_ours(path.name))
    if not strangers or not _others_may(folder):
        if _close(folder):
            said.append(f"{folder} was open to other users; now it is yours alone")
        if passable:
            folder.chmod(PASSABLE)
    else:
        mode = stat.S_IMODE(folder.stat().st_mode)
        said.append(
            f"{folder} keeps its mode {mode:o}, because {strangers[0]} in it is not ours; "
            "other users may see the names of our files and read none of them"
        )
    return said


def _is_ours(name: str) -> bool:
    return name in (*_OURS, *_ALSO_OURS) or name.startswith(_DATABASES)


def _ours_in(folder: Path) -> Iterator[Path]:
    """Yield every file and folder of ours in a state folder, no links."""
    for path in folder.iterdir():
        if path.name not in _OURS and not path.name.startswith(_DATABASES):
            continue
        yield path
        if path.is_dir() and not path.is_symlink():
            for base, folders, files in os.walk(path):
                yield from (path.__class__(base) / name for name in (*folders, *files))


def _close(path: Path) -> bool:
    """Take a file's or folder's rights from everybody but its owner; say whether there were any to take."""
    with contextlib.suppress(FileNotFoundError, PermissionError):  # it is gone, or not ours to change
        if not path.is_symlink() and _others_may(path):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~UMASK)
            return True
    return False


def _others_may(path: Path) -> bool:
    return bool(path.stat().st_mode & UMASK)
