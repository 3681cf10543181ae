"""Reads a rule from a command line: a tree in JSON, or `@` and a file with one in JSON or YAML."""

from pathlib import Path
from typing import Any, Final

import msgspec

from application.directory.yaml_text import load, read_bounded
from models.errors import Problem, RuleErrors

_FROM_FILE: Final = "@"


def read_tree(text: str, name: str = "rule") -> Any:
    """Return the tree, not yet compiled. Raises `RuleErrors` with file or `name`, and the reason."""
    content = text.encode()
    if text.startswith(_FROM_FILE):
        name = text.removeprefix(_FROM_FILE)
        try:
            with Path(name).open("rb") as file:
                content = read_bounded(file)
        except OSError as error:
            raise rule_error(name, f"cannot be read: {error.strerror}") from error
    try:
        raw = _read(content)
    except ValueError as error:
        raise rule_error(name, f"is neither JSON nor YAML: {error}") from error
    if raw is None:
        raise rule_error(name, "is empty; the rule that every lead meets is {}")
    return raw


def rule_error(path: str, reason: str) -> RuleErrors:
    """Return the error for one problem."""
    return RuleErrors((Problem(path=path, reason=reason),))


def _read(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)  # YAML accepts all JSON except indentation by tabs
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return load(content)
