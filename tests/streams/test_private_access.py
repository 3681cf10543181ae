"""Only `streams/patches` touches the private parts of Faust, mode and aiokafka."""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import Final

from tests.streams.test_clients import ROOT, product

OF_THE_INSTANCE: Final = frozenset({"self", "cls", "super()"})
OTHERS: Final = {
    "rules/queues/rule_book.py": {"rule_book._with"},  # its own class
    "streams/settings.py": {"settings._adopted"},  # its own class
    "streams/process_exit.py": {"os._exit"},
    "tools/metrics_page.py": {"declared._labelnames"},  # prometheus_client's
    "web/process.py": {"server._serve"},  # uvicorn's
}
"""Private attributes of other objects than those of these libraries, by module."""
PUBLIC: Final = frozenset({"_asdict", "_replace", "_fields"})
"""The methods of a NamedTuple."""
LIBRARIES: Final = ("faust", "mode", "aiokafka")


def private_names(tree: ast.Module) -> set[str]:
    """Return the attributes of other objects with one leading underscore that a module reads or writes."""
    return {
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and node.attr not in PUBLIC
        and ast.unparse(node.value) not in OF_THE_INSTANCE
    }


def inherited_names(tree: ast.Module) -> set[str]:
    """Return the private methods of each class whose base class belongs to one of these libraries."""
    library_names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in LIBRARIES
        for alias in node.names
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        bases = {ast.unparse(base).split("[")[0].split(".")[0] for base in node.bases}
        if not bases & (library_names | set(LIBRARIES)):
            continue
        names |= {
            f"{node.name}.{part.name}"
            for part in node.body
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
            and part.name.startswith("_")
            and not part.name.startswith("__")
        }
    return names


def test_nothing_but_the_patches_reaches_into_the_libraries() -> None:
    private = {path: names for path, tree in product() if (names := private_names(tree))}
    outside = {path: names for path, names in private.items() if not path.startswith("streams/patches/")}
    assert outside == OTHERS
    assert private.keys() - outside.keys()  # the test would detect them


def test_nothing_but_the_patches_inherits_private_methods() -> None:
    # aiokafka's listener has no private methods; these classes' underscores are their own.
    listeners = {"JournalReader", "RequestReader", "SingleActiveProcess"}
    inherited = {
        name
        for path, tree in product()
        if not path.startswith("streams/patches/")
        for name in inherited_names(tree)
        if name.split(".")[0] not in listeners
    }
    assert inherited == set()


def test_commands_that_need_no_stream_processor_do_not_load_it() -> None:
    loaded = "import sys, streams.clients, streams.topics; print('faust' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout == "False\n"
