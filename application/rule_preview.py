"""Tries rules on the current leads, and explains the result for one lead. Nothing changes (X5)."""

from collections.abc import Iterable
from datetime import datetime
from heapq import nsmallest
from operator import itemgetter
from typing import Any, Final, Protocol

import msgspec

from application.directory.publish import read_published
from application.journal_snapshot import journal_now
from application.rule_text import read_tree, rule_error
from models.directory import OrgSettings
from models.lead import Lead
from rules.inbound.publication import present
from rules.language.compile import CompiledRule
from rules.language.explanations import ConditionOutcome
from rules.language.tree import in_zone, parse
from rules.queues.membership import CompiledQueue, QueueIndex
from streams.settings import Settings

EXAMPLES: Final = 10
"""How many of the matching leads are shown."""


class LeadExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a lead matches or not, condition by condition. `valid_until`: when time alone changes the result, if ever."""

    lead_id: str
    name: str
    matches: bool
    why: str
    valid_until: datetime | None
    conditions: tuple[ConditionOutcome, ...]


class ExampleLead(msgspec.Struct, frozen=True):
    """A lead that matches."""

    lead_id: str
    name: str
    why: str


class MatchCount(msgspec.Struct, frozen=True, kw_only=True):
    """The number of leads that match at an instant.

    `examples`: the first matching leads. `lead`: the explained lead, None where none was requested or it does not
    exist.
    """

    matched: int
    leads: int
    at: datetime
    examples: tuple[ExampleLead, ...]
    lead: LeadExplanation | None = None


class PreviewedRule(Protocol):
    """What is evaluated for each lead."""

    def sort_key(self, lead: Lead, at: datetime) -> str | None:
        """Return a matching lead's sort key, or None for a lead that does not match."""
        ...

    def explain(self, lead: Lead, at: datetime) -> LeadExplanation:
        """Return why a lead matches or not."""
        ...


class RuleQuestion:
    """A rule by itself: whether a lead meets it. The oldest arrival comes first."""

    def __init__(self, raw: Any) -> None:
        """Compile the rule. Raises `RuleErrors` with every problem."""
        self._tree = parse(raw, "rule")
        self._rule = CompiledRule(self._tree)

    def in_zone(self, time_zone: str) -> None:
        """Let dates without a time be days of a zone, the org's (reading C1)."""
        self._rule = CompiledRule(in_zone(self._tree, time_zone))

    def sort_key(self, lead: Lead, at: datetime) -> str | None:
        """Return when the lead arrived, if it meets the rule."""
        return lead.arrived_at.isoformat() if self._rule.test(lead, at)[0] else None

    def explain(self, lead: Lead, at: datetime) -> LeadExplanation:
        """Return the result of each condition."""
        explanation = self._rule.explain(lead, at)
        return _preview_result(
            lead, explanation.why, explanation.valid_until, explanation.conditions, matches=explanation.meets
        )


class QueueQuestion:
    """A queue: whether a lead is in it by its rules and by the lead's phase, in the queue's order."""

    def __init__(self, queue: CompiledQueue, protect_minutes: float = 0) -> None:
        """`protect_minutes`: how long a fresh assignment is in no claimable queue (M4)."""
        self._id = queue.queue.queue_id
        self._index = QueueIndex((queue,), protect_minutes)

    def sort_key(self, lead: Lead, at: datetime) -> str | None:
        """Return the lead's key in the queue's order, if it is in the queue."""
        return self._index.evaluate(lead, at).sort_keys.get(self._id)

    def explain(self, lead: Lead, at: datetime) -> LeadExplanation:
        """Return the result of each condition of both rules."""
        explanation = self._index.explain(lead, self._id, at)
        conditions = [
            msgspec.structs.replace(condition, path=f"{part}.{condition.path}")
            for part, explained in (
                ("inclusion", explanation.inclusion),
                ("exclusion", explanation.exclusion),
            )
            if explained is not None
            for condition in explained.conditions
        ]
        return _preview_result(
            lead, explanation.why, explanation.valid_until, tuple(conditions), matches=explanation.stands
        )


def _preview_result(
    lead: Lead, why: str, until: datetime | None, conditions: tuple[ConditionOutcome, ...], *, matches: bool
) -> LeadExplanation:
    return LeadExplanation(
        lead_id=lead.lead_id,
        name=lead.facts.prospect_name,
        matches=matches,
        why=why,
        valid_until=until,
        conditions=conditions,
    )


def read_rule(text: str) -> RuleQuestion:
    """Parse a rule from its text (`application.rule_text`). Raises `RuleErrors` with path and reason."""
    return RuleQuestion(read_tree(text))


async def published_queue(settings: Settings, org: str, queue_id: str) -> QueueQuestion:
    """Return a queue as it is published now. Raises `RuleErrors` where there is none."""
    objects = (await read_published(settings, org)).objects
    queue, org_settings = objects.get(("queue", queue_id)), objects.get(("settings", "settings"))
    if queue is None or queue.value is None:
        raise rule_error("queue", f"{org} has published no queue {queue_id}")
    settings_value = present((org_settings.value if org_settings else None) or {})
    protected = settings_value.get("protect_assigned_minutes", OrgSettings().protect_assigned_minutes)
    zone = settings_value.get("time_zone") or "UTC"
    return QueueQuestion(CompiledQueue.from_value(queue_id, queue.value, queue.version, zone), protected)


async def try_on_leads(
    settings: Settings, org: str, tried: RuleQuestion | str, at: datetime, lead_id: str | None = None
) -> MatchCount:
    """Try a rule or a published queue (`tried`: the rule, or the queue's id) on an org's current leads (X5).

    Conditions are evaluated at `at`. Raises `RuleErrors` where there is no such queue, `RetryableError` where Kafka
    is unreachable.
    """
    question: PreviewedRule = await published_queue(settings, org, tried) if isinstance(tried, str) else tried
    journal = await journal_now(settings)
    if isinstance(question, RuleQuestion):
        question.in_zone(journal.rule_book.org(org).settings.time_zone)
    leads = [lead for lead in journal.leads.values() if lead.facts.org == org]
    return trial(question, leads, at, lead_id)


def trial(
    question: PreviewedRule, leads: Iterable[Lead], at: datetime, lead_id: str | None = None
) -> MatchCount:
    """Try every lead at `at` (aware). `lead_id`: the lead to explain."""
    matched: list[tuple[str, str, Lead]] = []
    count, explanation = 0, None
    for lead in leads:
        count += 1
        sort_key = question.sort_key(lead, at)
        if sort_key is not None:
            matched.append((sort_key, lead.lead_id, lead))
        if lead.lead_id == lead_id:
            explanation = question.explain(lead, at)
    first = nsmallest(EXAMPLES, matched, key=itemgetter(0, 1))
    examples = tuple(
        ExampleLead(lead.lead_id, lead.facts.prospect_name, question.explain(lead, at).why)
        for _, _, lead in first
    )
    return MatchCount(matched=len(matched), leads=count, at=at, examples=examples, lead=explanation)
