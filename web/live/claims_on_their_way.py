"""Tells the pages that show a list which of its leads somebody is claiming, before the engine has decided (Q9).

The row goes at once, and not only when the claim has passed Kafka and the board. The engine alone decides: if the claim
does not take the lead, the pages are told, and show the row again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from models.results import Result
from web.auth import Person
from web.console_services import Services

if TYPE_CHECKING:
    from web.schemas import Answer

CLAIMING = "claiming"
"""The event: {queue_id, lead_id, over}. `over`: the claim did not take the lead, so the row is shown again."""


class ClaimOnItsWay:
    """One claim without an answer. `answer`: the engine's, once it is there."""

    def __init__(self) -> None:
        self.answer: Answer | None = None

    @property
    def took_lead(self) -> bool:
        """Whether the lead has an owner now, so the board removes its row from every list."""
        return self.answer is not None and self.answer.result in (Result.WON, Result.LOST)


@contextmanager
def claim_on_its_way(
    services: Services, person: Person, lead_id: str, queue_id: str | None
) -> Iterator[ClaimOnItsWay]:
    """Tell the pages of other people that show this queue that the lead is being claimed, and that it is not after all.

    Only a claim from a claimable queue that the person may see is told, because others would be refused.
    """
    claim = ClaimOnItsWay()
    rules = services.directory.org(person.org)
    compiled = None if queue_id is None else rules.queues.get(queue_id)
    if compiled is None or not compiled.queue.claimable or not person.may_see(rules, compiled.queue.queue_id):
        yield claim
        return
    shown_in = compiled.queue.queue_id

    def tell(*, over: bool) -> None:
        event = {"queue_id": shown_in, "lead_id": lead_id, "over": over}
        services.hub.tell_list(person.org, shown_in, CLAIMING, event, but=person.rep_id)

    tell(over=False)
    try:
        yield claim
    finally:
        if not claim.took_lead:
            tell(over=True)
