"""Tells the pages that show a list which of its leads somebody is claiming, before the engine has decided (Q9).

The row goes at once, and not only when the claim has passed Kafka and the board. The engine alone decides: if the claim
does not take the lead, the pages are told, and show the row again.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from models.results import Result

if TYPE_CHECKING:
    from web.auth import Person
    from web.console_services import Services
    from web.schemas import Answer

CLAIMING = "claiming"
"""The event: {queue_id, lead_id, over}. `over`: the claim did not take the lead, so the row is shown again."""

HEAD_START_SECONDS: Final = 0.005
"""How long the pages are told nothing, unless the answer comes before. So a claim that is refused at once moves no row,
and the claim itself is on its way before twenty pages draw on the same machine."""

_OLD: Final = timedelta(seconds=5)
"""An answer that was decided so long before its request is that of an earlier request. Clocks differ by less."""


class ClaimOnItsWay:
    """One claim without an answer. `answer`: the engine's, once it is there."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self._began = datetime.now(UTC)

    @property
    def took_lead(self) -> bool:
        """Whether the lead has an owner now, so the board removes its row from every list.

        A claim that is sent again has its first answer again, and the lead may be in the queue again since (X4).
        """
        answer = self.answer
        if answer is None or answer.result not in (Result.WON, Result.LOST):
            return False
        return answer.decided_at > self._began - _OLD


@contextmanager
def claim_on_its_way(
    services: "Services", person: "Person", lead_id: str, queue_id: str | None, *, is_answered: bool
) -> Iterator[ClaimOnItsWay]:
    """Tell the pages of other people that show this queue that the lead is being claimed, and that it is not after all.

    Only a claim from a claimable queue that the person may see is told, because others would be refused. One
    that `is_answered` already is not told either: it decides nothing any more. Nor is one of a lead whose claim was
    told and has no answer yet (`ClaimsTold`).
    """
    claim = ClaimOnItsWay()
    rules = services.directory.org(person.org)
    compiled = None if queue_id is None or is_answered else rules.queues.get(queue_id)
    if compiled is None or not compiled.queue.claimable or not person.may_see(rules, compiled.queue.queue_id):
        yield claim
        return
    shown_in = compiled.queue.queue_id

    listed = (person.org, shown_in, lead_id)

    def tell(*, over: bool) -> None:
        event = {"queue_id": shown_in, "lead_id": lead_id, "over": over}
        # A page of this person may have heard of somebody else's claim of the lead, and waits for its end.
        services.hub.tell_list(person.org, shown_in, CLAIMING, event, but=None if over else person.rep_id)

    has_begun = False

    def begin() -> None:
        nonlocal has_begun
        has_begun = True
        if services.claims_told.begin(listed):
            tell(over=False)

    telling = asyncio.get_running_loop().call_later(HEAD_START_SECONDS, begin)
    try:
        yield claim
    finally:
        telling.cancel()
        if claim.took_lead and not has_begun:
            begin()
        if has_begun and services.claims_told.end(
            listed, is_answered=claim.answer is not None, took_lead=claim.took_lead
        ):
            tell(over=True)
