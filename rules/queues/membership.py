"""Finds the queues of a lead among thousands. No condition is tested twice, and queues that cannot match are skipped.

Every queue's rules are treated as one list of conditions that must all hold. The queue is indexed under the values of
the most selective condition that is a plain equality or list. So a lead's own values lead to the queues that may match.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from models.directory import Queue
from models.errors import Problem, RuleErrors
from models.lead import Lead
from rules.inbound.publication import present
from rules.language.compile import CompiledRule, RuleResult, membership
from rules.language.tree import EMPTY, in_zone, parse
from rules.queues.predicate_index import IndexedRule, PredicateIndex
from rules.queues.queue_eligibility import eligible_kinds, protected_until
from rules.queues.sort_key import SortKey, sort_key, work_key


class Evaluation(msgspec.Struct, frozen=True):
    """The queues a lead is in.

    `sort_keys`: queue id -> sort key. `valid_until`: when time alone next changes them; None if it never does.
    """

    sort_keys: dict[str, str]
    valid_until: datetime | None


NOWHERE: Final = Evaluation({}, None)


class Explanation(msgspec.Struct, frozen=True):
    """Why a lead is in a queue or not (X1).

    `version`: the version of the queue's rules; None if there is no such queue. `inclusion` and `exclusion` give the
    result of each, even if something else keeps the lead out.
    """

    queue_id: str
    version: int | None
    stands: bool
    why: str
    valid_until: datetime | None = None
    inclusion: RuleResult | None = None
    exclusion: RuleResult | None = None


class CompiledQueue(msgspec.Struct, frozen=True, eq=False):
    """One published queue, compiled.

    `exclusion`: None if there is none. `rule`: inclusion and exclusion as one rule (Q2).
    """

    queue: Queue
    version: int
    inclusion: CompiledRule
    exclusion: CompiledRule | None
    rule: CompiledRule
    key: SortKey

    @classmethod
    def compile(cls, queue: Queue, version: int, time_zone: str = "UTC") -> "CompiledQueue":
        """Compile a queue; raises `RuleErrors` with every problem of its rules and its order.

        `time_zone`: the org's; its days are meant by dates without a time (reading C1).
        """
        problems: list[Problem] = []
        trees = {"inclusion": EMPTY, "exclusion": EMPTY}
        for name, raw in (("inclusion", queue.inclusion), ("exclusion", queue.exclusion)):
            try:
                trees[name] = in_zone(parse(raw, name), time_zone)
            except RuleErrors as error:
                problems.extend(error.problems)
        try:
            key = sort_key(queue.sort) if queue.claimable else work_key(queue.sort)
        except RuleErrors as error:
            raise RuleErrors((*problems, *error.problems)) from error
        if problems:
            raise RuleErrors(tuple(problems))
        inclusion, exclusion = trees["inclusion"], trees["exclusion"]
        return cls(
            queue,
            version,
            CompiledRule(inclusion),
            CompiledRule(exclusion) if exclusion.rules else None,
            CompiledRule(membership(inclusion, exclusion)),
            key,
        )

    @classmethod
    def from_value(
        cls, queue_id: str, value: dict[str, Any], version: int, time_zone: str = "UTC"
    ) -> "CompiledQueue":
        """Compile a queue as it was published; raises `RuleErrors`. A claimable queue has no outcomes (Q5)."""
        published = {**present(value), "queue_id": queue_id}
        if published.get("claimable"):
            published["outcomes"] = ()
        try:
            queue = msgspec.convert(published, Queue)
        except msgspec.ValidationError as error:
            raise RuleErrors((Problem(path="queue", reason=str(error)),)) from error
        return cls.compile(queue, version, time_zone)

    def explain(self, lead: Lead, now: datetime, protected: datetime | None = None) -> Explanation:
        """Say why the lead is in this queue or not, and by which version of the rules.

        `protected`: as in `eligible_kinds`.
        """
        meets, until = self.rule.test(lead, now)
        refused = eligible_kinds(lead, protected).refused.get(self.queue.claimable)
        inclusion = self.inclusion.explain(lead, now)
        exclusion = self.exclusion.explain(lead, now) if self.exclusion else None
        if refused:
            is_member, until, why = False, protected if self.queue.claimable else None, refused
        elif not inclusion.meets:
            is_member, why = False, inclusion.why
        elif exclusion is not None and exclusion.meets:
            is_member, why = False, f"excluded: {exclusion.why}"
        else:
            is_member, why = meets, inclusion.why + (f"; not excluded: {exclusion.why}" if exclusion else "")
        text = self._condition_text(is_member, why)
        return Explanation(self.queue.queue_id, self.version, is_member, text, until, inclusion, exclusion)

    def why(self, lead: Lead, now: datetime, protected: datetime | None = None) -> str:
        """Return the reason of `explain` in words. If the lead's state decides, no condition is tested."""
        refused = eligible_kinds(lead, protected).refused.get(self.queue.claimable)
        return self._condition_text(False, refused) if refused else self.explain(lead, now, protected).why

    def _condition_text(self, stands: bool, why: str) -> str:
        return f"{'in' if stands else 'not in'} {self.queue.queue_id} by its rules of version {self.version}: {why}"


class QueueIndex:
    """The queues of one org, indexed by their conditions.

    It is immutable once built. Building it costs about as much as compiling the rules. `protect_minutes`: how long a
    fresh assignment is in no claimable queue (M4).
    """

    def __init__(self, queues: Iterable[CompiledQueue], protect_minutes: float = 0) -> None:
        self._protect_minutes = protect_minutes
        self._queues: Mapping[str, CompiledQueue] = {queue.queue.queue_id: queue for queue in queues}
        self._predicate_index = PredicateIndex(
            IndexedRule(name=queue_id, rule=queue.rule, kind=queue.queue.claimable)
            for queue_id, queue in sorted(self._queues.items())
        )

    def evaluate(self, lead: Lead, now: datetime) -> Evaluation:
        """Return the queues a lead is in at `now` (aware).

        These are the queues whose rules the lead meets and that its phase permits. At `valid_until` the lead enters or
        leaves at least one queue, unless another event changes it before.
        """
        protected = self._protected(lead, now)
        if protected is not None:
            return self._when_open(lead, protected)
        allowed = eligible_kinds(lead).allowed
        if not allowed:
            return NOWHERE
        queue_ids, until = self._predicate_index.look(lead, now, allowed)
        # Queues with the same order share one key function, which is called once. The queues are visited in sorted
        # order, so that a repeat gives the same result in the same order.
        key_of_order: dict[SortKey, str] = {}
        sort_keys: dict[str, str] = {}
        for queue_id in sorted(queue_ids):
            key = self._queues[queue_id].key
            lead_key = key_of_order.get(key)
            if lead_key is None:
                lead_key = key_of_order[key] = key(lead)
            sort_keys[queue_id] = lead_key
        return Evaluation(sort_keys, until)

    def explain(self, lead: Lead, queue_id: str, now: datetime) -> Explanation:
        """Say why a lead is in a queue or not. For an unknown queue, the explanation says so."""
        queue = self._queues.get(queue_id)
        if queue is None:
            return Explanation(queue_id, None, stands=False, why=f"there is no queue {queue_id}")
        return queue.explain(lead, now, self._protected(lead, now))

    def why(self, lead: Lead, queue_id: str, now: datetime) -> str:
        """Return the reason of `explain` in words. It does no extra work, because every won claim calls it."""
        queue = self._queues.get(queue_id)
        if queue is None:
            return f"there is no queue {queue_id}"
        return queue.why(lead, now, self._protected(lead, now))

    def _when_open(self, lead: Lead, protected: datetime) -> Evaluation:
        """Return when a lead that is protected until an instant enters its first queue. Until then it is in none."""
        if True not in eligible_kinds(lead).allowed:
            return NOWHERE
        queue_ids, until = self._predicate_index.look(lead, protected, (True,))
        opens = protected if queue_ids else until
        return NOWHERE if opens is None else Evaluation({}, opens)

    def _protected(self, lead: Lead, now: datetime) -> datetime | None:
        until = protected_until(lead, self._protect_minutes)
        return until if until is not None and now < until else None
