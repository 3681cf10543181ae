"""Hooks of mkdocs: links to files outside docs/ become paths in the repository, and headings get GitHub's anchors."""

import re
from pathlib import Path, PurePosixPath
from typing import Any, Final

DOCS: Final = Path(__file__).parents[1] / "docs"
_LINK: Final = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
_OUTSIDE_OF_WORD: Final = re.compile(r"[^\w\- ]")


def slug(text: str, separator: str) -> str:
    """Return a heading's anchor as GitHub makes it."""
    return _OUTSIDE_OF_WORD.sub("", text.strip().lower()).replace(" ", separator)


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Replace links that leave the site: the site has only docs/, and the repository's address differs."""
    folder = PurePosixPath(page.file.src_uri).parent

    def plain(match: re.Match[str]) -> str:
        label, target = match.groups()
        if re.match(r"[a-z]+:|#", target):
            return match[0]
        path = (DOCS / folder / target.partition("#")[0]).resolve()
        return match[0] if _is_on_site(path) else f"{label} (`{_name(path)}`)"

    return _LINK.sub(plain, markdown)


def _is_on_site(path: Path) -> bool:
    if not path.is_relative_to(DOCS) or path.is_dir():
        return False
    return path.relative_to(DOCS).parts[0] != "examples" and "released" not in path.parts


def _name(path: Path) -> str:
    root = DOCS.parent
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
