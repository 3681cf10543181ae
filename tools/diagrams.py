"""Writes `docs/lead-life.md` from `rules/lead/lifecycle.py`: `python -m tools.diagrams`. A test compares the two."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Final

from models.lead import Phase
from rules.lead.lifecycle import LIFECYCLE, Trigger, mermaid

LEAD_LIFE: Final = Path(__file__).parent.parent / "docs" / "lead-life.md"

_INTRODUCTION: Final = """\
# The life of a lead

`python -m tools.diagrams` writes this page from the table in [rules/lead/lifecycle.py](../rules/lead/lifecycle.py).
The machine dispatches by this table, and the tests check each step against it. A lead is in exactly one phase at
every moment. What its phase does not list is refused, with the reason, and changes nothing.
"""

_ALL_THERE_IS: Final = """\
The diagram shows only changes of phase; the table lists every trigger. Where more than one phase may follow, owner,
lock and the rules of that instant decide which. `rules_changed` is a publication, or the instant at which a relative
date changes the result of a rule. An action on a lead with an expired lock is decided as if the lock were already
gone.
"""


def phases() -> dict[Phase, str]:
    """Return what is true in each phase, as written below its name in models/lead.py."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(Phase))).body
    body = node.body if isinstance(node, ast.ClassDef) else []
    meanings: dict[Phase, str] = {}
    for name, text in pairwise(body):
        if (
            isinstance(name, ast.Assign)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            (target,) = name.targets
            meanings[Phase[ast.unparse(target)]] = " ".join(str(text.value.value).split())
    return meanings


def lead_life() -> str:
    """Return the page: the diagram, the meaning of each phase, and the possible targets of each trigger."""
    meaning = "\n".join(f"| `{phase}` | {text} |" for phase, text in phases().items())
    rows = []
    for trigger in Trigger:
        leads_to = []
        for source, row in LIFECYCLE.items():
            targets = sorted(row.get(trigger, ()))
            if targets:
                leads_to.append(f"{source or 'new'} → {', '.join(targets)}")
        rows.append(f"| `{trigger}` | {' · '.join(leads_to)} |")
    moves = "\n".join(rows)
    return (
        f"{_INTRODUCTION}\n```mermaid\n{mermaid()}```\n\n"
        f"| phase | what is true |\n|---|---|\n{meaning}\n\n"
        f"{_ALL_THERE_IS}\n"
        f"| what happens | from → to |\n|---|---|\n{moves}\n"
    )


def write(report: Callable[[str], None]) -> None:
    """Write the page if it differs, and report it."""
    text = lead_life()
    if not LEAD_LIFE.exists() or LEAD_LIFE.read_text(encoding="utf-8") != text:
        LEAD_LIFE.write_text(text, encoding="utf-8")
        report(f"wrote {LEAD_LIFE.name}")


if __name__ == "__main__":
    write(print)
