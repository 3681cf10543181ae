"""Runs one action on many leads. Each lead has its own action; a bounded number run at the same time (D6, E3)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine, select

from application.lead_dealing import OwnerAndPhase, owner_and_phase_of
from models.errors import RetryableError
from models.facts import Facts
from models.public import LeadDecision
from models.results import Result
from rules.queues.columns import name_of
from sink.tables import LeadTable
from streams.engine_client import EngineClient
from web.live import tail

AT_ONCE: Final = 64
"""How many actions wait for their answers at the same time. The limit leaves capacity for other people's actions."""
PROGRESS_SECONDS: Final = 0.25
NAMED: Final = 100
"""The most failed leads that the result names. Further ones are only counted."""
KEPT_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.05
_ASKED_AT_ONCE: Final = 500


class WantedAction(msgspec.Struct, frozen=True):
    """One lead's action."""

    lead_id: str
    action: Mapping[str, Any]
    to: str | None = None


class FailedLead(msgspec.Struct, frozen=True):
    """A lead whose action failed, and why. `result` None: no answer yet; the action may still be decided.

    `problem`: `words` without what a manager may do about one lead, which is not possible for many at once.
    """

    lead_id: str
    result: Result | None
    owner: str | None = None
    owner_name: str | None = None
    reason: str | None = None
    why: str | None = None
    words: str | None = None
    problem: str | None = None


class GivenLead(msgspec.Struct, frozen=True):
    """A lead that was given to a rep."""

    lead_id: str
    to: str


class BulkProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The progress. `finished`: all are answered, and the CRM database has the changes.

    `unchanged`: how many of those done had the rep as their owner already. At the end: `others` and `given` have at
    most `NAMED` leads each; `names` has their names, for managers and admins.
    """

    of: int
    answered: int = 0
    done: int = 0
    lost: int = 0
    refused: int = 0
    unanswered: int = 0
    unchanged: int = 0
    by_rep: dict[str, int] = {}
    refusals: dict[str, int] = {}
    others: tuple[FailedLead, ...] = ()
    given: tuple[GivenLead, ...] = ()
    names: dict[str, str] = {}
    finished: bool = False


class _Count:
    """Counts the answers received so far."""

    def __init__(self, total: int, name: Callable[[WantedAction, LeadDecision], FailedLead]) -> None:
        self.total, self._name = total, name
        self.results: Counter[Result | None] = Counter()
        self.by_rep: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.others: list[FailedLead] = []
        self.given: list[GivenLead] = []
        self.unchanged = 0
        self.versions: dict[str, int] = {}

    def take(self, action: WantedAction, answer: LeadDecision | None) -> None:
        result = None if answer is None else answer.result
        self.results[result] += 1
        if answer is not None and result in (Result.DONE, Result.WON):
            self.versions[action.lead_id] = answer.version
            if answer.type == "reassign" and answer.why is not None:
                self.unchanged += 1  # the rep has it already
            elif action.to:
                self.by_rep[action.to] += 1
                if len(self.given) < NAMED:
                    self.given.append(GivenLead(action.lead_id, action.to))
            return
        if answer is not None and result is Result.REFUSED:
            self.refusals[answer.reason or ""] += 1
        if len(self.others) < NAMED:
            other = FailedLead(action.lead_id, None) if answer is None else self._name(action, answer)
            self.others.append(other)

    def progress(self, *, finished: bool = False) -> BulkProgress:
        return BulkProgress(
            of=self.total,
            answered=self.results.total(),
            done=self.results[Result.DONE] + self.results[Result.WON],
            lost=self.results[Result.LOST],
            refused=self.results[Result.REFUSED],
            unanswered=self.results[None],
            unchanged=self.unchanged,
            by_rep=dict(self.by_rep),
            refusals=dict(self.refusals.most_common()),
            others=tuple(self.others) if finished else (),
            given=tuple(self.given) if finished else (),
            finished=finished,
        )


async def ask_all(
    engine_client: EngineClient,
    crm: Engine,
    actions: Sequence[WantedAction],
    name: Callable[[WantedAction, LeadDecision], FailedLead],
) -> AsyncIterator[BulkProgress]:
    """Send all actions in order. Yield the progress, and the result at the end.

    `name`: describes a failed action with only what the caller may know. If the consumer stops iterating, no further
    actions are sent.
    """
    count = _Count(len(actions), name)
    remaining = iter(actions)

    async def ask_remaining() -> None:
        for action in remaining:
            try:
                answer = await engine_client.ask(action.action)
            except RetryableError:
                answer = None
            count.take(action, answer)

    asking = asyncio.gather(*(ask_remaining() for _ in range(min(AT_ONCE, len(actions)))))
    try:
        while not asking.done():
            yield count.progress()
            await asyncio.wait({asking}, timeout=PROGRESS_SECONDS)
        await asking
    finally:
        asking.cancel()
    await until_stored(crm, count.versions)
    yield count.progress(finished=True)


async def until_stored(crm: Engine, versions: Mapping[str, int], seconds: float = KEPT_SECONDS) -> bool:
    """Wait until the CRM database has these leads at these versions or newer ones. Say whether it has."""
    missing = dict(versions)
    give_up = asyncio.get_running_loop().time() + seconds
    while missing:
        batch = list(missing)[:_ASKED_AT_ONCE]
        try:
            stored = await asyncio.to_thread(tail.versions, crm, batch)
        except RetryableError:
            stored = {}
        stored_leads = [lead_id for lead_id in batch if stored.get(lead_id, -1) >= missing[lead_id]]
        for lead_id in stored_leads:
            del missing[lead_id]
        if not stored_leads:
            if asyncio.get_running_loop().time() > give_up:
                return False
            await asyncio.sleep(_LOOK_SECONDS)
    return True


def owners_and_phases(connection: Connection, org: str, lead_ids: Sequence[str]) -> dict[str, OwnerAndPhase]:
    """Return the standing of each of these leads that the org has."""
    by_lead: dict[str, OwnerAndPhase] = {}
    for at in range(0, len(lead_ids), _ASKED_AT_ONCE):
        batch = lead_ids[at : at + _ASKED_AT_ONCE]
        query = select(LeadTable.lead_id, LeadTable.owner, LeadTable.phase, LeadTable.state).where(
            LeadTable.lead_id.in_(batch), LeadTable.org == org
        )
        by_lead |= {
            lead_id: owner_and_phase_of(owner, phase, state)
            for lead_id, owner, phase, state in connection.execute(query)
        }
    return by_lead


def count_by_state(lead_ids: Sequence[str], by_lead: Mapping[str, OwnerAndPhase]) -> dict[str, int]:
    """Count how many of these leads are `free`, `owned`, `closed` or `unknown`. Zero counts are left out.

    A closed lead counts as owned if it names an owner.
    """
    counts: Counter[str] = Counter()
    for lead_id in lead_ids:
        standing = by_lead.get(lead_id)
        counts[
            "unknown"
            if standing is None
            else "owned"
            if standing.owner
            else "closed"
            if standing.closed
            else "free"
        ] += 1
    return dict(counts)


def lead_names(connection: Connection, org: str, lead_ids: Sequence[str]) -> dict[str, str]:
    """Return the prospects' names of at most a few hundred of the org's leads, as lists show them."""
    query = select(LeadTable.lead_id, LeadTable.facts).where(
        LeadTable.lead_id.in_(lead_ids), LeadTable.org == org
    )
    return {lead_id: name_of(msgspec.convert(facts, Facts)) for lead_id, facts in connection.execute(query)}


def staying(
    action: str, pairs: Sequence[tuple[str, str]], by_lead: Mapping[str, OwnerAndPhase]
) -> tuple[frozenset[str], dict[str, int]]:
    """Return the leads that an action can be expected to change, and how many others stay as they are, by reason.

    `pairs`: each lead with the rep who is to get it, if any. Reasons: `free` (nobody owns it), `owned`, `same` (the rep
    owns it already), `closed`, `open` (it is not closed), `unknown`.
    """
    changing: set[str] = set()
    stays: Counter[str] = Counter()
    for lead_id, to in pairs:
        standing = by_lead.get(lead_id)
        if standing is None:
            stays["unknown"] += 1
        elif action == "reassign" and to and standing.owner == to and not standing.closed:
            stays["same"] += 1
        elif standing.changes(action):
            changing.add(lead_id)
        elif action == "reopen":
            stays["open"] += 1
        else:
            stays["closed" if standing.closed else "owned" if standing.owner else "free"] += 1
    return frozenset(changing), dict(stays)
