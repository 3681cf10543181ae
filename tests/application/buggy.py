"""Is a release with a bug in one rule of each stage.

`python -m tests.application.buggy worker …` runs `firstclaim worker …`; `relay` works likewise.
"""

from typing import Any

import agents.intake
import agents.relay
import rules.lead.arrivals
import rules.org.machine
from cli import main
from models.lead import LeadRow

INTAKE: Any = agents.intake
RELAY: Any = agents.relay
ARRIVALS: Any = rules.lead.arrivals
ORG: Any = rules.org.machine
BOOM = "boom"


def _failing_if(rule: Any, is_failing: Any) -> Any:
    def fails(*arguments: Any, **options: Any) -> Any:
        if is_failing(*arguments):
            raise KeyError(BOOM)
        return rule(*arguments, **options)

    return fails


ARRIVALS._distribute = _failing_if(
    ARRIVALS._distribute, lambda _, facts, *__: facts.first_name == f"{BOOM} lead"
)
ORG._requested = _failing_if(ORG._requested, lambda _, event: event.lead.facts.first_name == f"{BOOM} org")
INTAKE.accept_arrival = _failing_if(
    INTAKE.accept_arrival, lambda value, *_: f"{BOOM} intake".encode() in value
)
RELAY.public_messages = _failing_if(
    RELAY.public_messages,
    lambda row, *_: (
        isinstance(row, LeadRow) and row.lead is not None and row.lead.facts.first_name == f"{BOOM} relay"
    ),
)

if __name__ == "__main__":
    main()
