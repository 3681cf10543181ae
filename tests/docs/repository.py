"""Lists the repository's own files for the tests of the documents, without the virtual environment and build output."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
ROOMS: Final = frozenset(
    {"agents", "application", "assurance", "bench", "board", "cli", "console", "couriers", "deploy"}
    | {"docs", "models"}
    | {"rules", "runtime", "sink", "streams", "tests", "tools", "web"}
)
"""The folders that a document may name. `console` is a former folder; a document that still names it is wrong."""
_SKIPPED: Final = frozenset({"node_modules", "vendor", "__pycache__", "screens"})
_TEXT: Final = frozenset({".py", ".md", ".js", ".jsx", ".mjs", ".html", ".lua", ".css", ".yaml", ".toml"})


@cache
def files() -> tuple[Path, ...]:
    """Return every text file of the repository."""
    top = [path for path in ROOT.iterdir() if path.is_file() or path.name in ROOMS]
    return tuple(sorted(path for start in top for path in _files_below(start) if path.suffix in _TEXT))


def documents() -> list[Path]:
    """Return every Markdown page."""
    return [path for path in files() if path.suffix == ".md"]


def name(path: Path) -> str:
    """Return a file's path from the root."""
    return path.relative_to(ROOT).as_posix()


@cache
def read(path: Path) -> str:
    """Return a file's text."""
    return path.read_text(encoding="utf-8")


def _files_below(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
    elif path.name not in _SKIPPED and not path.name.startswith("."):
        for child in path.iterdir():
            yield from _files_below(child)
