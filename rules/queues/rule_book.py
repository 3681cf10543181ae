"""Keeps the newest version of each directory object that a partition knows. A rule book is immutable (Q6, X1)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec

from models.directory import Campaign, OrgSettings, Rep
from models.errors import Problem, RuleErrors
from models.events import DirectoryPublished
from models.facts import Facts
from models.lead import DirectoryRow, Lead
from models.roster import WeekSpan
from rules.calendar.schedule import NEVER, Week, week, zone_of
from rules.inbound.publication import present
from rules.queues.membership import CompiledQueue, Evaluation, Explanation, QueueIndex
from rules.queues.rep_names import RepMatch, RepNames

T = TypeVar("T")

Key = tuple[str, str]
"""An object's kind and id within its org."""

VERSIONED: Final = frozenset({"queue", "settings"})
"""The kinds of object that a lead's placements may depend on. Only these change an org's version."""

ROUTING: Final = frozenset({"campaign", "group"})
"""The kinds of object that say which group is asked for a lead."""

NO_VERSION: Final = -1
"""The version of an org that published nothing. Its first publication exceeds it."""

OVERSEERS: Final = frozenset({"admin", "manager"})
"""The roles that build queues and therefore see all of them (Q1)."""

MAX_MANAGERS: Final = 50
"""How many managers are told of one thing."""
NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})


class NewestPublication(msgspec.Struct, frozen=True):
    """The newest publication of an object. `value`: None if the object was removed.

    `version`: its offset in the topic.
    """

    version: int
    value: dict[str, Any] | None


class GroupTerms(msgspec.Struct, frozen=True):
    """The fields of a group that leads need. The org uses the others (`rules.org`).

    `pause`: when transfers stop, on the wall clock of `time_zone`; `pause_hours`: the same, compiled (R4).
    """

    group_id: str
    method: str = "round_robin"
    pause: tuple[WeekSpan, ...] = ()
    time_zone: str = "UTC"
    pause_hours: Week = NEVER

    @property
    def pauses(self) -> tuple[Week, str]:
        """The pause schedule with its time zone."""
        return self.pause_hours, self.time_zone

    @property
    def takes(self) -> bool:
        """Whether the group gives leads to reps. A group with method `queue` leaves them to the queues."""
        return self.method != "queue"


@dataclass(frozen=True)
class OrgRules:
    """Everything one org published, compiled. It is immutable; `publish` on the book creates a new one.

    `objects`: every object by kind and id, including unknown kinds and removed objects. `problems`: the objects whose
    newest version does not compile; their previous version still applies. Intake refuses such objects, so normally
    there are none.
    """

    org: str
    objects: Mapping[Key, NewestPublication] = field(default_factory=lambda: NOTHING)
    queues: Mapping[str, CompiledQueue] = field(default_factory=lambda: NOTHING)
    reps: Mapping[str, Rep] = field(default_factory=lambda: NOTHING)
    groups: Mapping[str, GroupTerms] = field(default_factory=lambda: NOTHING)
    campaigns: Mapping[str, Campaign] = field(default_factory=lambda: NOTHING)
    settings: OrgSettings = field(default_factory=OrgSettings)
    problems: Mapping[Key, tuple[Problem, ...]] = field(default_factory=lambda: NOTHING)

    @cached_property
    def version(self) -> int:
        """The highest version of any queue or settings of the org, including removed ones; -1 if there are none."""
        return max(
            (published.version for (kind, _), published in self.objects.items() if kind in VERSIONED),
            default=NO_VERSION,
        )

    @cached_property
    def route_version(self) -> int:
        """The highest version of any campaign or group of the org, including removed ones; -1 if there are none."""
        return max(
            (published.version for (kind, _), published in self.objects.items() if kind in ROUTING),
            default=NO_VERSION,
        )

    @cached_property
    def index(self) -> QueueIndex:
        """The org's queues, indexed so that a lead is tested only against those that may match. Built at first use."""
        return QueueIndex(self.queues.values(), self.settings.protect_assigned_minutes)

    def evaluate(self, lead: Lead, now: datetime) -> Evaluation:
        """Return the queues a lead is in at `now` (aware), and until when this holds (Q2, D1, Q10)."""
        return self.index.evaluate(lead, now)

    def explain(self, lead: Lead, queue_id: str, now: datetime) -> str:
        """Say why a lead is in a queue or not, with the rules' version (X1). Any queue id is accepted."""
        return self.index.why(lead, queue_id, now)

    def explanation(self, lead: Lead, queue_id: str, now: datetime) -> Explanation:
        """Return the result of `explain` with every condition's outcome, for trying out rules (X1, X5)."""
        return self.index.explain(lead, queue_id, now)

    def called(self, queue_id: str) -> str:
        """Return the display name of a queue; its id if it has no name."""
        queue = self.queues.get(queue_id)
        return queue_id if queue is None else queue.queue.name or queue_id

    @cached_property
    def is_open(self) -> bool:
        """Whether anyone may act. The org has no rep, and it never had one or is open without reps by its settings."""
        return not self.reps and (
            self.settings.open_without_reps or all(kind != "rep" for kind, _ in self.objects)
        )

    def role(self, rep_id: str) -> str | None:
        """Return a rep's role; None for a rep who is unknown or has left.

        In an open org everyone is an admin.
        """
        if self.is_open:
            return "admin"
        rep = self.reps.get(rep_id)
        return rep.role if rep is not None and rep.active else None

    def managers(self) -> tuple[str, ...]:
        """Return the active managers and admins by id, at most `MAX_MANAGERS`."""
        managers = (rep for rep in sorted(self.reps) if self.role(rep) in ("manager", "admin"))
        return tuple(islice(managers, MAX_MANAGERS))

    def has_left(self, rep_id: str) -> bool:
        """Say whether a rep has left: the rep is inactive or removed, in an org that is not open (X2)."""
        return self.role(rep_id) is None

    def route(self, facts: Facts) -> tuple[Campaign | None, GroupTerms | None]:
        """Return the campaign a lead came through, or the org's default one, and its group if there is one.

        A campaign is found by its id as written, else by its id in any case.
        """
        return self.route_by(facts.campaign or "")

    def route_by(self, campaign_name: str) -> tuple[Campaign | None, GroupTerms | None]:
        """Return campaign and group as `route` does, by the campaign that a lead names; empty if it names none."""
        campaign = (
            self.campaigns.get(campaign_name)
            or self._by_case.get(campaign_name.casefold())
            or self.default_campaign
        )
        group = self.groups.get(campaign.group_id or "") if campaign else None
        return campaign, group

    @cached_property
    def _by_case(self) -> Mapping[str, Campaign]:
        return {campaign_id.casefold(): self.campaigns[campaign_id] for campaign_id in sorted(self.campaigns)}

    def find_rep(self, text: str) -> RepMatch:
        """Return the rep that a vendor means by a text (R5). In an open org it is the text itself."""
        return RepMatch(text) if self.is_open else self._rep_names.find(text)

    @cached_property
    def _rep_names(self) -> RepNames:
        removed = (
            name for (kind, name), object_ in self.objects.items() if kind == "rep" and object_.value is None
        )
        return RepNames(self.reps, removed)

    @cached_property
    def default_campaign(self) -> Campaign | None:
        """The first default campaign, by id. It takes leads that name no campaign of the org."""
        return next(
            (
                self.campaigns[campaign]
                for campaign in sorted(self.campaigns)
                if self.campaigns[campaign].default
            ),
            None,
        )

    def may_see(self, rep_id: str, queue_id: str) -> bool:
        """Say whether a rep has access to a queue: by team, by name, or by a role that builds queues (Q4, Q1)."""
        queue = self.queues.get(queue_id)
        role = self.role(rep_id)
        if queue is None or role is None:
            return False
        teams = queue.queue.teams
        sees_without_team = role in OVERSEERS or "*" in teams or rep_id in queue.queue.reps
        return sees_without_team or not set(teams).isdisjoint(self.reps[rep_id].teams)

    def with_objects(self, changes: Iterable[tuple[Key, NewestPublication]]) -> "OrgRules":
        """Return the rules with newer objects applied. An object counts only if its version exceeds the known one."""
        objects = dict(self.objects)
        changed: set[Key] = set()
        for key, published in changes:
            former = objects.get(key)
            if former is None or former.version < published.version:
                objects[key] = published
                changed.add(key)
        if not changed:
            return self
        queues, reps, problems = dict(self.queues), dict(self.reps), dict(self.problems)
        groups, campaigns = dict(self.groups), dict(self.campaigns)
        settings = self.settings
        for key in sorted(changed, key=lambda key: objects[key].version):
            (kind, object_id), published = key, objects[key]
            problems.pop(key, None)
            try:
                if kind == "queue":
                    _put(queues, object_id, _queue(object_id, published, self.settings.time_zone))
                elif kind == "rep":
                    _put(reps, object_id, _plain(published, Rep, rep_id=object_id))
                elif kind == "group":
                    _put(groups, object_id, _group(object_id, published))
                elif kind == "campaign":
                    _put(campaigns, object_id, _plain(published, Campaign, campaign_id=object_id))
                elif kind == "settings":
                    settings = _settings(published)
            except RuleErrors as error:
                problems[key] = error.problems
        if settings.time_zone != self.settings.time_zone:
            _in_zone(queues, objects, settings.time_zone, problems)
        return replace(
            self,
            objects=MappingProxyType(objects),
            queues=MappingProxyType(queues),
            reps=MappingProxyType(reps),
            groups=MappingProxyType(groups),
            campaigns=MappingProxyType(campaigns),
            settings=settings,
            problems=MappingProxyType(problems),
        )


@dataclass(frozen=True)
class RuleBook:
    """The rules of every org a partition knows. Start with `RuleBook()`."""

    orgs: Mapping[str, OrgRules] = field(default_factory=lambda: NOTHING)

    def org(self, org_id: str) -> OrgRules:
        """Return an org's rules. For an org that published nothing they are empty, at version -1."""
        return self.orgs.get(org_id) or OrgRules(org_id)

    def publish(self, event: DirectoryPublished) -> "RuleBook":
        """Return the book after one publication (Q6); the same book if nothing changes."""
        change = ((event.kind, event.object_id), NewestPublication(event.version, event.value))
        return self._with(event.org, (change,))

    @classmethod
    def from_rows(cls, rows: Iterable[DirectoryRow]) -> "RuleBook":
        """Return the book built from a partition's directory rows, in any order."""
        return cls().with_rows(rows)

    def with_rows(self, rows: Iterable[DirectoryRow]) -> "RuleBook":
        """Return the book with directory rows applied, in any order."""
        by_org: dict[str, list[tuple[Key, NewestPublication]]] = {}
        for row in rows:
            change = ((row.kind, row.object_id), NewestPublication(row.version, row.value))
            by_org.setdefault(row.org, []).append(change)
        rule_book = self
        for org_id, changes in by_org.items():
            rule_book = rule_book._with(org_id, changes)
        return rule_book

    def _with(self, org_id: str, changes: Iterable[tuple[Key, NewestPublication]]) -> "RuleBook":
        before = self.org(org_id)
        after = before.with_objects(changes)
        return self if after is before else RuleBook(MappingProxyType({**self.orgs, org_id: after}))


def _put(table: dict[str, Any], object_id: str, value: object) -> None:
    if value is None:
        table.pop(object_id, None)
    else:
        table[object_id] = value


def _in_zone(
    queues: dict[str, CompiledQueue],
    objects: Mapping[Key, NewestPublication],
    time_zone: str,
    problems: dict[Key, tuple[Problem, ...]],
) -> None:
    """Compile an org's queues anew: their days are days of another zone now (reading C1)."""
    for queue_id in [name for name in queues if ("queue", name) not in problems]:
        _put(queues, queue_id, _queue(queue_id, objects["queue", queue_id], time_zone))


def _queue(object_id: str, published: NewestPublication, time_zone: str) -> CompiledQueue | None:
    if published.value is None:
        return None
    return CompiledQueue.from_value(object_id, published.value, published.version, time_zone)


def _plain(published: NewestPublication, kind: type[T], **own_id: str) -> T | None:
    return None if published.value is None else _converted({**published.value, **own_id}, kind)


def _group(object_id: str, published: NewestPublication) -> GroupTerms | None:
    terms = _plain(published, GroupTerms, group_id=object_id)
    if terms is None or not terms.pause:
        return terms
    zone_of(terms.time_zone)
    return msgspec.structs.replace(terms, pause_hours=week(terms.pause, "pause"))


def _settings(published: NewestPublication) -> OrgSettings:
    return OrgSettings() if published.value is None else _converted(published.value, OrgSettings)


def _converted(value: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(present(value), kind)
    except msgspec.ValidationError as error:
        raise RuleErrors((Problem(path="value", reason=str(error)),)) from error
