"""Lists which tests name which rule; `python -m tests.docs.rule_tests` writes the list into docs/rules.md."""

import ast
import re
from functools import cache
from typing import Final

from tests.docs.repository import DOCS, files, name, read

PAGE: Final = DOCS / "rules.md"
RULE: Final = re.compile(r"(?<![A-Za-z0-9_])([QDRSEXMKVN][1-9]\d?)(?![A-Za-z0-9_])")
_IN_NAME: Final = re.compile(r"(?:^|_)([qdrsexmkvn][1-9]\d?)(?=_|$)")
_HEADING: Final = re.compile(r"^### ([A-Z]\d+)\n", re.MULTILINE)
_TESTS: Final = re.compile(r"\n*^Tests: .*(?:\n(?!\n|#).*)*", re.MULTILINE)
_WIDTH: Final = 128


def sections(page: str) -> dict[str, str]:
    """Return each rule's text by its number."""
    _, *parts = _HEADING.split(page)
    return {
        rule: re.split(r"^## ", text, flags=re.MULTILINE)[0]
        for rule, text in zip(parts[::2], parts[1::2], strict=True)
    }


def status(text: str) -> str:
    """Return a rule's status: `Holds`, `In part` or `Planned`; empty if it has none."""
    match = re.search(r"^\*\*(Holds|In part|Planned)\b", text, re.MULTILINE)
    return match[1] if match else ""


@cache
def named_by(source: str) -> frozenset[str]:
    """Return the rules whose numbers are in the name or docstring of a test function in a file."""
    rules: set[str] = set()
    module = ast.parse(source if "def test_" in source else "")
    bodies = [module.body, *(node.body for node in module.body if isinstance(node, ast.ClassDef))]
    for node in [node for body in bodies for node in body]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            rules |= {rule.upper() for rule in _IN_NAME.findall(node.name)}
            rules |= set(RULE.findall(ast.get_docstring(node) or ""))
    return frozenset(rules)


def tests() -> dict[str, list[str]]:
    """Return rule -> the files with tests that name it."""
    by_rule: dict[str, list[str]] = {}
    for path in files():
        if name(path).startswith("tests/") and path.name.startswith("test_") and path.suffix == ".py":
            for rule in named_by(read(path)):
                by_rule.setdefault(rule, []).append(name(path))
    return by_rule


def page_with_tests(page: str, by_rule: dict[str, list[str]]) -> str:
    """Return the page with a line of tests after each rule that has tests."""
    for rule, text in sections(page).items():
        bare = _TESTS.sub("", text).rstrip("\n")
        listed = [f"`{file}`" for file in sorted(by_rule.get(rule, []))]
        lines = f"{bare}\n\n{_wrap('Tests: ' + ', '.join(listed))}" if listed else bare
        page = page.replace(f"### {rule}\n{text}", f"### {rule}\n{lines}\n\n", 1)
    return page.rstrip("\n") + "\n"


def _wrap(text: str) -> str:
    lines = [""]
    for item in re.split(r"(?<=,) ", text):
        if lines[-1] and len(lines[-1]) + 1 + len(item) > _WIDTH:
            lines.append(item)
        else:
            lines[-1] = f"{lines[-1]} {item}".strip()
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page_with_tests(read(PAGE), tests()), encoding="utf-8")
