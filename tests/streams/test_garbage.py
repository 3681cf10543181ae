"""A process searches for garbage hardly while it imports, and then only among what came after its imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

from streams import garbage

PARTS = ("agents.worker", "sink.service", "board.process", "couriers.process", "web.process")


def output_of(program: str) -> list[str]:
    """Return what a new interpreter prints."""
    result = subprocess.run(
        [sys.executable, "-c", f"import gc\n{program}"], capture_output=True, text=True, check=True
    )
    return result.stdout.split()


@pytest.mark.parametrize("part", PARTS)
def test_the_imports_of_a_process_cause_no_search(part: str) -> None:
    program = f"""
        import streams.starting
        before = gc.get_stats()
        import cli, {part}
        print(*(now["collections"] - then["collections"] for now, then in zip(gc.get_stats(), before)))
    """
    assert output_of(program.replace("\n        ", "\n")) == ["0", "0", "0"]


def test_a_program_that_chose_its_thresholds_keeps_them() -> None:
    chosen = (20_000, 10, 10)
    assert output_of(f"gc.set_threshold(*{chosen})\nimport cli\nprint(*gc.get_threshold())") == [
        *map(str, chosen)
    ]


def test_what_a_process_has_imported_is_not_searched_later() -> None:
    program = "import cli\nfrom streams.garbage import keep_imports\nkeep_imports()\n"
    frozen, tracked, *thresholds = output_of(
        f"{program}print(gc.get_freeze_count(), len(gc.get_objects()), *gc.get_threshold())"
    )
    assert int(frozen) > int(tracked)
    assert thresholds == [*map(str, garbage.RUNNING)]
