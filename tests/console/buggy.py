"""A release with a bug in one rule of each stage: `python -m tests.console.buggy worker …` is `firstclaim worker …`."""

from typing import Any

import agents.intake
import rules.arrivals
import rules.org.machine
from console.cli import main

INTAKE: Any = agents.intake
ARRIVALS: Any = rules.arrivals
ORG: Any = rules.org.machine
BOOM = "boom"


def _wrong(rule: Any, wanted: Any) -> Any:
    def fails(*given: Any, **more: Any) -> Any:
        if wanted(*given):
            raise KeyError(BOOM)
        return rule(*given, **more)

    return fails


ARRIVALS._distribute = _wrong(ARRIVALS._distribute, lambda _, facts, *__: facts.first_name == f"{BOOM} lead")
ORG._requested = _wrong(ORG._requested, lambda _, event: event.lead.facts.first_name == f"{BOOM} org")
INTAKE.accept_arrival = _wrong(INTAKE.accept_arrival, lambda value, *_: f"{BOOM} intake".encode() in value)

if __name__ == "__main__":
    main()
