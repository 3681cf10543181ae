"""Finds what a text cites (documents, their sections, paths and names) and which of it does not exist."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from tests.docs.repository import DOCS, ROOMS, ROOT, read

_FENCED: Final = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_HEADING: Final = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_CODE: Final = re.compile(r"`([^`\n]+)`")
_CITED: Final = re.compile(
    r"(?<![\w/.\-])((?:docs/)?(?:[\w\-]+/)*[\w\-]+\.md|docs/(?:contracts|decisions)(?:/\d{4})?)(?![\w/])"
)
_ITEM: Final = re.compile(r"""(?:, ?|(?<=\d), )(`[^`]+`|"[^"]+"|[A-Za-z][^,;:.()`"|]*)""")
_FACTS: Final = re.compile(r" (\d+(?:, \d+)*)")
_PATH: Final = re.compile(r"(?:\.\./)*[\w.\-]+(?:/[\w.\-]+)*/?")
_ENDINGS: Final = (".py", ".md", ".js", ".html", ".lua", ".yaml", ".toml", ".json", ".css", ".sql", ".png")


def prose(text: str) -> str:
    """Return a page without its fenced code blocks."""
    return _FENCED.sub("", text)


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page, as GitHub derives them from its headings."""
    names: list[str] = []
    for title in _HEADING.findall(prose(read(page))):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "").lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        names.append(f"{anchor}-{names.count(anchor)}" if anchor in names else anchor)
    return frozenset(names)


def resolve(cited: str, beside: Path) -> Path | None:
    """Return the cited document, found from the root, from docs/, beside the citing file, or by its number."""
    if cited == "docs/contracts":
        return DOCS / "contracts" / "README.md"
    if cited.startswith("docs/decisions"):
        cited = cited.removesuffix(".md")
        return (
            next(iter(sorted(ROOT.glob(f"{cited}*.md"))), None)
            if cited[-1].isdigit() or "/00" in cited
            else DOCS / "decisions" / "README.md"
        )
    return next((path for base in (ROOT, DOCS, beside.parent) if (path := base / cited).is_file()), None)


def missing_documents(text: str, beside: Path) -> Iterator[str]:
    """Yield each cited document or section that does not exist, with the reason."""
    for match in _CITED.finditer(text):
        document = resolve(match[1], beside)
        if document is None:
            yield f"{match[1]}: there is no such document"
            continue
        following = text[match.end() : match.end() + 200].split("\n\n", maxsplit=1)[0].replace("\n", " ")
        if facts := _FACTS.match(following):
            absent = [n for n in facts[1].split(", ") if f"fact-{n}" not in anchors(document)]
            yield from (f"{match[1]} {n}: there is no such fact" for n in absent)
        elif item := _ITEM.match(following):
            section = item[1].strip('`" ')
            titles = [title.replace("`", "").lower() for title in _HEADING.findall(prose(read(document)))]
            if not any(section.lower().removeprefix("the ") in title for title in titles):
                yield f"{match[1]}, {section}: the document has no such section"


def missing_links(page: Path) -> Iterator[str]:
    """Yield each link of a page whose target is not in the repository."""
    for target in _LINK.findall(prose(read(page))):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            yield f"{target}: there is no such file"
        elif anchor and file.suffix == ".md" and anchor not in anchors(file):
            yield f"{target}: the page has no such anchor"


def missing_paths(page: Path) -> Iterator[str]:
    """Yield each path, `file::name` and dotted module in a page's code spans that is not in the repository."""
    for span in _CODE.findall(prose(read(page))):
        path, _, member = span.partition("::")
        first = path.split("/")[0].split(".")[0]
        if _PATH.fullmatch(path) and ("/" in path or member) and (first in ROOMS or path.endswith(_ENDINGS)):
            bases = (ROOT, page.parent)
            file = next((base / path for base in bases if (base / path).exists()), None)
            if file is None:
                if path.rstrip("/") not in _generated_paths():
                    yield f"{span}: there is no such path"
            elif member and not defines(file, member):
                yield f"{span}: the file has no such name"
        elif re.fullmatch(r"\w+(?:\.\w+)+", span) and first in ROOMS and not is_module(span):
            yield f"{span}: there is no such module or name"


@cache
def _generated_paths() -> frozenset[str]:
    """Return the paths that a build makes, so that Git ignores them: they need not be there."""
    return frozenset(line.rstrip("/") for line in read(ROOT / ".gitignore").splitlines())


def defines(file: Path, member: str) -> bool:
    """Return whether a file defines a name: `Class.method` in Python, a function or method elsewhere."""
    if file.suffix != ".py":
        return re.search(rf"\b{re.escape(member)}\b *[(=]", read(file)) is not None
    body: list[ast.stmt] = ast.parse(read(file)).body
    for part in member.split("."):
        definition = next((node for node in body if part in _names(node)), None)
        if definition is None:
            return False
        body = getattr(definition, "body", [])
    return True


def is_module(dotted: str) -> bool:
    """Return whether a dotted name is a module, or a name in a module."""
    parts = dotted.split(".")
    for n in range(len(parts), 0, -1):
        base = ROOT.joinpath(*parts[:n])
        file = base.with_suffix(".py") if base.with_suffix(".py").is_file() else base / "__init__.py"
        if file.is_file():
            return n == len(parts) or defines(file, parts[n])
    return ROOT.joinpath(*parts).is_dir()


def _names(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case _:
            return []
