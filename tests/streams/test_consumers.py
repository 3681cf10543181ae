"""The libraries are those our reader and the patches fit, and every consumer reads by them."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Final

from streams import patches

ROOT: Final = Path(__file__).parents[2]
ROOMS: Final = ("streams", "agents", "sink", "console", "bench")


def test_the_versions_that_are_declared_are_those_the_patches_fit() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    exact = [re.fullmatch(r"([\w-]+)(?:\[.*\])?==(.+)", line) for line in declared]
    pinned = {match[1]: (match[2],) for match in exact if match}
    assert {package: pinned.get(package) for package in patches.TESTED} == dict(patches.TESTED)


def test_every_consumer_is_made_with_the_options_of_a_consumer() -> None:
    """Made otherwise it would read what was aborted, and end at the first batch that it cannot read."""
    without = [
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "AIOKafkaConsumer"
        and "consumer_options(" not in ast.unparse(node)
    ]
    assert without == ["bench/peers/raw.py"]  # a peer, as aiokafka comes
