"""Assigns and moves leads by hand: one action of a manager and one answer for each lead (D6, E3, M1)."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from models.errors import RetryableError
from models.results import Result
from streams.engine_client import EngineClient
from streams.settings import Settings

AT_ONCE: Final = 1_000
"""How many actions wait for their answers at once: enough to keep a worker busy, few enough to be answered soon."""
PROGRESS_EVERY: Final = 500
RESEND_SECONDS: Final = 15.0
"""After so long without an answer the same action is sent again. Behind thousands of others an answer takes a while."""

Say = Callable[[str], None]


class AssignmentResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one assignment. `result` None: no answer came, and the action may still be decided.

    `owner`: who has the lead now, according to the answer. `why`: the reason in words.
    """

    lead_id: str
    to: str | None
    result: Result | None
    reason: str | None = None
    owner: str | None = None
    why: str | None = None


async def assign_all(
    settings: Settings,
    assignments: Sequence[tuple[str, str | None]],
    *,
    by: str,
    org: str,
    patience_seconds: float,
    action: str = "assign",
    fields: Mapping[str, Any] | None = None,
    say: Say = lambda _: None,
) -> list[AssignmentResult]:
    """Ask for each assignment (lead id, rep) in order, and return the results in the same order.

    `action`: `assign` or a move (M1); the rep is None for moves that name none. `fields`: further fields of each
    action.
    `patience_seconds`: how long to wait for each answer. Raises `RuntimeFailure` where Kafka is unreachable.
    """
    results: list[AssignmentResult | None] = [None] * len(assignments)
    waiting = iter(enumerate(assignments))
    answered = 0

    async def ask_in_turn(client: EngineClient) -> None:
        nonlocal answered
        for index, (lead_id, to) in waiting:
            request = {"type": action, "lead_id": lead_id, "rep_id": by, "org": org, **(fields or {})}
            if to is not None:
                request["to_rep_id"] = to
            try:
                answer = await client.ask(request)
            except RetryableError:
                results[index] = AssignmentResult(lead_id=lead_id, to=to, result=None)
            else:
                results[index] = AssignmentResult(
                    lead_id=lead_id,
                    to=to,
                    result=answer.result,
                    reason=answer.reason,
                    owner=answer.owner,
                    why=answer.why,
                )
            answered += 1
            if answered % PROGRESS_EVERY == 0:
                say(f"{answered:,} of {len(assignments):,} answered")

    async with EngineClient(
        settings, resend_seconds=RESEND_SECONDS, patience_seconds=patience_seconds
    ) as client:
        await asyncio.gather(*(ask_in_turn(client) for _ in range(min(AT_ONCE, len(assignments)))))
    return [result for result in results if result is not None]


def summarize(results: Sequence[AssignmentResult], unusable: int) -> dict[str, Any]:
    """Return {assigned, lost, refused, unanswered, refusals, by_rep}.

    `unusable`: the number of entries that name no lead; they count as refused.
    """
    counts = Counter(result.result for result in results)
    refusals = Counter(result.reason or "" for result in results if result.result is Result.REFUSED)
    if unusable:
        refusals["names_no_lead"] += unusable
    return {
        "assigned": counts[Result.DONE],
        "lost": counts[Result.LOST],
        "refused": counts[Result.REFUSED] + unusable,
        "unanswered": counts[None],
        "refusals": dict(refusals.most_common()),
        "by_rep": Counter(
            result.to for result in results if result.to is not None and result.result is Result.DONE
        ),
    }
