"""A jar that is not the pinned one is refused by name, wherever it came from; a good one is fetched once."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from models.errors import DownloadRefused, RuntimeFailure
from runtime import jars
from runtime.jars import KAFKA_VERSION, LOCK_FILE, Jar, fetch, pinned_jars
from streams.retries import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = b"the bytes of a jar" * 1000
JAR = Jar("org.example.parts:gear:1.2", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class SilentHandler(SimpleHTTPRequestHandler):
    """Serves files and keeps its requests to itself."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in the base class
        """Say nothing."""


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """Return the folder a Maven repository is served from, holding JAR."""
    file = tmp_path / "remote/org/example/parts/gear/1.2/gear-1.2.jar"
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
def repository(tmp_path: Path, remote: Path) -> Iterator[str]:
    """Yield the address of a Maven repository that is up while the test runs."""
    assert remote.exists()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SilentHandler, directory=str(tmp_path / "remote")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Return an empty cache."""
    return tmp_path / "cache"


def test_a_jar_is_fetched_once_and_its_bytes_are_reported(cache: Path, repository: str, remote: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    (path,) = fetch(cache, jars=[JAR], repository=repository, progress=lambda *step: steps.append(step))
    assert path.read_bytes() == CONTENT
    assert steps[-1] == (JAR.size, JAR.size, "gear-1.2.jar")
    remote.unlink()
    assert fetch(cache, jars=[JAR], repository=repository) == [path]


def test_a_jar_with_another_hash_is_refused_by_name_and_not_kept(cache: Path, repository: str) -> None:
    other_jar = replace(JAR, sha256="0" * 64)
    with pytest.raises(DownloadRefused, match=r"gear-1\.2\.jar: its SHA-256 is .*, pinned is 0000"):
        fetch(cache, jars=[other_jar], repository=repository)
    assert list(cache.iterdir()) == []


def test_a_jar_that_changed_at_its_source_is_refused(cache: Path, repository: str, remote: Path) -> None:
    remote.write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(DownloadRefused, match=r"gear-1\.2\.jar"):
        fetch(cache, jars=[JAR], repository=repository)


@pytest.mark.parametrize("damage", [CONTENT[:-1] + b"!", CONTENT[:10], b""])
def test_a_damaged_jar_in_the_cache_is_fetched_again(cache: Path, repository: str, damage: bytes) -> None:
    cache.mkdir()
    (cache / JAR.file_name).write_bytes(damage)
    (path,) = fetch(cache, jars=[JAR], repository=repository)
    assert path.read_bytes() == CONTENT


def test_a_jar_that_is_nowhere_is_named_with_what_to_do(
    cache: Path, repository: str, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.unlink()
    once = RetryPolicy(first_seconds=1.0, longest_seconds=1.0, most_attempts=1)
    monkeypatch.setattr(jars, "DOWNLOAD_JAR", once)
    with pytest.raises(
        RuntimeFailure, match=r"gear-1\.2\.jar: cannot be downloaded.*FIRSTCLAIM_MAVEN_REPOSITORY"
    ):
        fetch(cache, jars=[JAR], repository=repository)


def test_the_lock_file_is_one_kafka_and_names_no_address() -> None:
    locked = pinned_jars()
    kafka_jars = [jar.coordinate for jar in locked if jar.coordinate.startswith("org.apache.kafka:")]
    assert f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}" in kafka_jars
    assert {coordinate.rpartition(":")[2] for coordinate in kafka_jars} == {KAFKA_VERSION}
    assert len({jar.coordinate.rpartition(":")[0] for jar in locked}) == len(locked)
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in locked)
    assert "://" not in LOCK_FILE.read_text()


def test_a_lock_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "broken.lock.json"
    for content in ("{", "[]", json.dumps({"jars": [{"coordinate": "a:b:1"}]})):
        lock.write_text(content)
        with pytest.raises(RuntimeFailure, match=r"broken\.lock\.json"):
            pinned_jars(lock)
