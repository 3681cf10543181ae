"""Says on which line of a directory file a path stands, so that a person finds what is wrong."""

from collections.abc import Iterable
from typing import Final

import yaml

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ENDS: Final = (".", "[")


def lines_of(content: bytes, paths: Iterable[str]) -> dict[str, int]:
    """Return the line of each path, from 1: `reps.rep-7.role` -> 12.

    A path that the file does not have, such as a missing field, has the line of the innermost object around it.
    `content`: a file that `yaml_text.load` was given, so that its size and nesting are bounded. A file that is no
    object, or no YAML, has no lines.
    """
    try:
        root = yaml.compose(content, Loader=_LOADER)
    except (yaml.YAMLError, ValueError):  # a character that YAML forbids, or bytes that are no text
        return {}
    return {path: _line(root, path) for path in paths} if isinstance(root, yaml.MappingNode) else {}


def line_of_error(error: BaseException | None) -> tuple[int, str] | None:
    """Return the line and the reason of a file that is no YAML; None if the error, or one that caused it, has none."""
    while error is not None:
        if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
            return error.problem_mark.line + 1, error.problem or "cannot be read"
        error = error.__cause__
    return None


def _line(node: yaml.Node, path: str) -> int:
    line = node.start_mark.line + 1
    while path:
        step = _step(node, path.lstrip("."))
        if step is None:
            return line
        line, node, path = step
    return line


def _step(node: yaml.Node, path: str) -> tuple[int, yaml.Node, str] | None:
    """Return the line, the value and the rest of a path's first part. A key may itself contain dots."""
    if isinstance(node, yaml.SequenceNode) and path.startswith("["):
        index, _, rest = path[1:].partition("]")
        if index.isdecimal() and int(index) < len(node.value):
            inner = node.value[int(index)]
            return inner.start_mark.line + 1, inner, rest
    if isinstance(node, yaml.MappingNode):
        keys = [
            (key, value)
            for key, value in node.value
            if isinstance(key, yaml.ScalarNode)
            and (path == key.value or path.startswith(tuple(key.value + end for end in _ENDS)))
        ]
        if keys:
            key, value = max(keys, key=lambda pair: len(pair[0].value))
            return key.start_mark.line + 1, value, path[len(key.value) :]
    return None
