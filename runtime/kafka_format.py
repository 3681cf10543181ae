"""Formats the data folder of a broker as Kafka's tool formatted an earlier one.

The tool is a Java program of its own, which takes a third of a new broker's start. It writes two files:
`meta.properties` with the ids, and `bootstrap.checkpoint` with the versions of Kafka's features, which are the same for
every broker without users of one Kafka.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

META, CHECKPOINT = "meta.properties", "bootstrap.checkpoint"
KEYS: Final = {"cluster.id", "directory.id", "node.id", "version"}
VERSION: Final = "1"


def keep(data: Path, cache_folder: Path) -> None:
    """Keep what the tool wrote into `data` as `cache_folder`, unless it exists. Without space nothing is kept."""
    with contextlib.suppress(OSError):
        scratch = Path(tempfile.mkdtemp(prefix=f"{cache_folder.name}.", dir=cache_folder.parent))
        try:
            for name in (META, CHECKPOINT):
                shutil.copyfile(data / name, scratch / name)
            scratch.rename(cache_folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def fill(data: Path, cache_folder: Path, *, cluster_id: str, node_id: int, directory_id: str) -> bool:
    """Format `data` from what was kept; return False, and write nothing, if it does not serve.

    `meta.properties` comes last: a folder without it is not formatted.
    """
    try:
        lines = (cache_folder / META).read_text().splitlines()
        checkpoint = (cache_folder / CHECKPOINT).read_bytes()
    except OSError:
        return False
    properties = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    if properties.keys() != KEYS or properties["version"] != VERSION or not checkpoint:
        return False
    properties |= {"cluster.id": cluster_id, "node.id": str(node_id), "directory.id": directory_id}
    data.mkdir(parents=True, exist_ok=True)
    _write(data / CHECKPOINT, checkpoint)
    _write(data / META, "".join(f"{key}={value}\n" for key, value in properties.items()).encode())
    return True


def _write(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
