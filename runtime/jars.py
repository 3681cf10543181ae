"""Downloads the jars of the local broker. Only jars in `jars.lock.json` are accepted; any other is refused by name.

The lock file holds the coordinate, size and SHA-256 of each jar, but no address. The resolver decides where jars come
from (Maven Central, or the mirror in `FIRSTCLAIM_MAVEN_REPOSITORY`).
`python -m runtime.jars` resolves the roots below again and rewrites the lock file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from models.errors import DownloadRefused, RuntimeFailure
from streams.retries import DOWNLOAD_JAR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Progress = Callable[[int, int, str], None]
    """Called as (bytes so far, bytes in all, the jar's file name), from any thread, one call at a time."""

KAFKA_VERSION: Final = "4.3.1"
ROOTS: Final = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    # Without a binding for its logger the broker would end without an error message.
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
)
LOCK_FILE: Final = Path(__file__).with_name("jars.lock.json")

_TIMEOUT_SECONDS: Final = 30  # timeout of one silent connection; a slower mirror counts as down
_FAILURES: Final = (OSError, RuntimeError)
"""Errors of requests are OSErrors; errors of jgo are RuntimeErrors."""
_AT_ONCE: Final = 6


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned jar: `group:artifact:version`, its size in bytes and its SHA-256 in hex."""

    coordinate: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        """The file name that Maven uses."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def pinned_jars(lock_file: Path = LOCK_FILE) -> list[Jar]:
    """Return every jar of the lock file, in its order. Raises RuntimeFailure if the file cannot be read."""
    try:
        return [Jar(**entry) for entry in json.loads(lock_file.read_bytes())["jars"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RuntimeFailure(lock_file.name, f"cannot be read: {error}") from error


def fetch(
    cache: Path,
    *,
    jars: Sequence[Jar] | None = None,
    repository: str | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Return the path of every pinned jar; download the jars that `cache` does not hold intact.

    A file appears in `cache` only whole and after its hash was checked, so several processes may fetch at once.
    Raises DownloadRefused with the jar whose hash differs, RuntimeFailure if a jar cannot be downloaded.
    """
    needed = pinned_jars() if jars is None else list(jars)
    cache.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="jars") as pool:
        intact = list(pool.map(lambda jar: _is_intact(cache / jar.file_name, jar), needed))
        missing = [jar for jar, is_intact in zip(needed, intact, strict=True) if not is_intact]
        if missing:
            meter = _Meter(sum(jar.size for jar in missing), progress)
            with tempfile.TemporaryDirectory(prefix=".incoming-", dir=cache) as incoming:
                context = _maven(Path(incoming), repository, meter)
                list(pool.map(lambda jar: _download(jar, cache, context), missing))
    return [cache / jar.file_name for jar in needed]


def _is_intact(path: Path, jar: Jar) -> bool:
    try:
        return path.stat().st_size == jar.size and _sha256(path) == jar.sha256
    except FileNotFoundError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(jar: Jar, cache: Path, context: Any) -> None:
    group, artifact, version = jar.coordinate.split(":")
    remote = context.project(group, artifact).at_version(version).artifact()

    def resolve() -> Path:
        try:
            return Path(remote.resolve())
        except _FAILURES:
            remote.cached_path.unlink(missing_ok=True)  # it may be incomplete
            raise

    try:
        path = DOWNLOAD_JAR.run_blocking(_FAILURES, f"download {jar.file_name}", resolve)
    except _FAILURES as error:
        reason = (
            f"cannot be downloaded: {error} (FIRSTCLAIM_MAVEN_REPOSITORY names a mirror, "
            "REQUESTS_CA_BUNDLE a file with the certificates of a proxy)"
        )
        raise RuntimeFailure(jar.file_name, reason) from error
    digest = _sha256(path)
    if digest != jar.sha256:
        reason = f"its SHA-256 is {digest}, pinned is {jar.sha256}; refused"
        raise DownloadRefused(jar.file_name, reason)
    path.replace(cache / jar.file_name)


class _Meter:
    """Sums the bytes of all downloads. jgo calls it as (name, size) for each file."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total, self._progress = total, progress
        self._received = 0
        self._lock = Lock()

    @contextlib.contextmanager
    def __call__(self, name: str, _size: int) -> Iterator[Callable[[int], None]]:
        def received(count: int) -> None:
            with self._lock:
                self._received += count
                if self._progress is not None:
                    self._progress(self._received, self._total, name)

        yield received


def _maven(incoming: Path, repository: str | None, meter: _Meter) -> Any:
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415  # 0.4 s, needed only for a download

    return MavenContext(
        resolver=PythonResolver(progress_callback=meter),
        repo_cache=incoming,
        remote_repos={"mirror": repository.rstrip("/")} if repository else None,
        timeout=_TIMEOUT_SECONDS,
    )


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[Progress]:
    """Yield a Progress that draws a bar on stderr from the first byte on. Without a download it draws nothing."""
    from rich.console import Console  # noqa: PLC0415  # needed once per machine
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn  # noqa: PLC0415

    columns = TextColumn(label), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(label)

    def report(received: int, total: int, _name: str) -> None:
        bar.start()
        bar.update(task, completed=received, total=total)

    try:
        yield report
    finally:
        if bar.live.is_started:
            bar.stop()


def relock(lock_file: Path = LOCK_FILE) -> list[Jar]:
    """Resolve ROOTS and their dependencies as of today, and write size and hash of each into the lock file.

    Each root is resolved by itself, and the first root's version of a dependency is kept. If they were resolved
    together, the second root's managed versions would change the first one's (this once put kafka-clients 3.9 under
    Kafka 4.3).
    """
    import jgo  # noqa: PLC0415  # only for maintainers

    jar_of_artifact: dict[str, Jar] = {}
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["M2_REPO"] = scratch
        for root in ROOTS:
            environment = jgo.build(root, cache_dir=Path(scratch) / "env", update=True)
            repository = {path.name: path for path in Path(scratch).rglob("*.jar") if "env" not in path.parts}
            for path in environment.all_jars:
                jar = _lock_entry(repository[Path(path).name], Path(scratch))
                jar_of_artifact.setdefault(jar.coordinate.rpartition(":")[0], jar)
    jars = [jar_of_artifact[artifact] for artifact in sorted(jar_of_artifact)]
    lock_file.write_text(json.dumps({"roots": ROOTS, "jars": [asdict(jar) for jar in jars]}, indent=1) + "\n")
    return jars


def _lock_entry(path: Path, repository: Path) -> Jar:
    *group, artifact, version, _ = path.relative_to(repository).parts
    return Jar(f"{'.'.join(group)}:{artifact}:{version}", path.stat().st_size, _sha256(path))


if __name__ == "__main__":
    sys.stdout.write(f"{len(relock())} jars in {LOCK_FILE.name}\n")
