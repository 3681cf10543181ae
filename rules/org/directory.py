"""Compiles the reps and groups that an org published, so that nothing is parsed when a lead requests a rep."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec

from models.directory import OrgSettings
from models.errors import Problem, RuleErrors
from models.events import DirectoryPublished
from models.handles import read_joining_handle
from models.roster import AVAILABLE, Absence, Group, RepTerms
from rules.calendar.schedule import NEVER, Week, week, zone_of
from rules.inbound.publication import present
from rules.language.compile import CompiledRule
from rules.language.tree import in_zone, parse

T = TypeVar("T")

RING_SECONDS: Final = 25
"""The default ring time of a group, in seconds."""
NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})


class RepPlan(msgspec.Struct, frozen=True, eq=False):
    """One published rep, compiled. `hours` None: always; `filter` None: any lead. `terms`: as published."""

    rep_id: str
    active: bool = True
    licensed_states: frozenset[str] | None = None
    hours: Week | None = None
    absences: tuple[Absence, ...] = ()
    max_open: int | None = None
    max_per_day: int | None = None
    filter: CompiledRule | None = None
    time_zone: str = "UTC"
    availability: str = AVAILABLE
    terms: RepTerms | None = None

    @classmethod
    def compile(cls, terms: RepTerms, org_zone: str = "UTC") -> "RepPlan":
        """Compile a rep's terms; raises `RuleErrors` with the field's name.

        `org_zone`: the org's time zone. A filter's dates without a time are its days (reading C1).
        """
        zone_of(terms.time_zone)
        return cls(
            rep_id=terms.rep_id,
            active=terms.active,
            licensed_states=terms.licensed_states,
            hours=None if terms.hours is None else week(terms.hours),
            absences=terms.absences,
            max_open=terms.max_open,
            max_per_day=terms.max_per_day,
            filter=_filter(terms.filter, org_zone),
            time_zone=terms.time_zone,
            availability=terms.availability,
            terms=terms,
        )


class GroupPlan(msgspec.Struct, frozen=True, eq=False):
    """One published group, compiled.

    `weights`: by rep id, in roster order. `positions`: each rep's position on the roster. `uniform`: all weights are
    equal, so turns are simply taken in the order of the reps' last turns. `published`: the group as published.
    """

    group_id: str
    method: str = "round_robin"
    weights: Mapping[str, int] = NOTHING
    positions: Mapping[str, int] = NOTHING
    uniform: bool = True
    filter: CompiledRule | None = None
    claim_window_seconds: int | None = None
    ring_seconds: int = RING_SECONDS
    pause: Week = NEVER
    time_zone: str = "UTC"
    published: Group | None = None

    @classmethod
    def compile(cls, group: Group, org_zone: str = "UTC") -> "GroupPlan":
        """Compile a group; raises `RuleErrors` with the field's name.

        `org_zone`: the org's time zone. A filter's dates without a time are its days (reading C1).
        """
        zone_of(group.time_zone)
        weights = {member.rep_id: member.weight for member in group.members}
        problems = [
            Problem(path="members", reason=f"the weight of {rep_id} must be at least 1")
            for rep_id, weight in weights.items()
            if weight < 1
        ]
        if len(weights) != len(group.members):
            problems.append(Problem(path="members", reason="a rep is on the roster twice"))
        if problems:
            raise RuleErrors(tuple(problems))
        return cls(
            group_id=group.group_id,
            method=group.method,
            weights=MappingProxyType(weights),
            positions=MappingProxyType({rep_id: index for index, rep_id in enumerate(weights)}),
            uniform=len(set(weights.values())) <= 1,
            filter=_filter(group.filter, org_zone),
            claim_window_seconds=group.claim_window_seconds,
            ring_seconds=RING_SECONDS if group.ring_seconds is None else group.ring_seconds,
            pause=week(group.pause, "pause"),
            time_zone=group.time_zone,
            published=group,
        )


@dataclass(frozen=True)
class OrgDirectory:
    """Reps, groups and settings of one org. Immutable; `publish` creates a new one. Start with `OrgDirectory()`.

    `versions`: the version of every object ever published, by kind and id. `problems`: the objects whose newest version
    does not compile; their previous version still applies. `shared_handles`: the joining handles that the settings call
    shared (K1). `open`: there is no rep, and there never was one or the
    settings say `open_without_reps`; a roster's members are then accepted as they are, without any limit.
    """

    reps: Mapping[str, RepPlan] = field(default_factory=lambda: NOTHING)
    groups: Mapping[str, GroupPlan] = field(default_factory=lambda: NOTHING)
    settings: OrgSettings = field(default_factory=OrgSettings)
    shared_handles: frozenset[str] = frozenset()
    open: bool = True
    groups_of: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NOTHING)
    versions: Mapping[tuple[str, str], int] = field(default_factory=lambda: NOTHING)
    problems: Mapping[tuple[str, str], tuple[Problem, ...]] = field(default_factory=lambda: NOTHING)

    def rep(self, rep_id: str) -> RepPlan | None:
        """Return a rep's plan; None if the org does not know the rep. In an open org every rep is known."""
        plan = self.reps.get(rep_id)
        return RepPlan(rep_id) if plan is None and self.open else plan

    def publish(self, *events: DirectoryPublished) -> "OrgDirectory":
        """Return the directory after some publications. A publication older than the known object changes nothing."""
        versions, problems = dict(self.versions), dict(self.problems)
        reps, groups, settings = dict(self.reps), dict(self.groups), self.settings
        news = False
        for event in events:
            key = (event.kind, event.object_id)
            if event.version <= versions.get(key, -1):
                continue
            versions[key] = event.version
            problems.pop(key, None)
            news = True
            try:
                if event.kind == "rep":
                    plan = rep_plan(event.object_id, event.value, self.settings.time_zone)
                    _put(reps, event.object_id, plan)
                elif event.kind == "group":
                    group = _group(event.object_id, event.value, self.settings.time_zone)
                    _put(groups, event.object_id, group)
                elif event.kind == "settings":
                    settings = OrgSettings() if event.value is None else _settings(event.value)
            except RuleErrors as error:
                problems[key] = error.problems
        if not news:
            return self
        if settings.time_zone != self.settings.time_zone:
            _in_zone(reps, groups, settings.time_zone)
        return replace(
            self,
            reps=MappingProxyType(reps),
            groups=MappingProxyType(groups),
            settings=settings,
            shared_handles=self.shared_handles
            if settings is self.settings
            else frozenset(map(read_joining_handle, settings.shared_handles)),
            open=not reps and (settings.open_without_reps or all(kind != "rep" for kind, _ in versions)),
            groups_of=self.groups_of if groups == self.groups else MappingProxyType(_membership(groups)),
            versions=MappingProxyType(versions),
            problems=MappingProxyType(problems),
        )


def published_for(event: DirectoryPublished) -> bool:
    """Say whether a publication is sent to its org's log.

    An org's decisions depend on its reps, groups and settings.
    """
    return event.kind in {"rep", "group", "settings"}


def _membership(groups: Mapping[str, GroupPlan]) -> dict[str, tuple[str, ...]]:
    group_ids_of: dict[str, list[str]] = {}
    for group_id in sorted(groups):
        for rep_id in groups[group_id].weights:
            group_ids_of.setdefault(rep_id, []).append(group_id)
    return {rep_id: tuple(group_ids) for rep_id, group_ids in group_ids_of.items()}


def _put(table: dict[str, Any], object_id: str, plan: Iterable[Any] | RepPlan | GroupPlan | None) -> None:
    if plan is None:
        table.pop(object_id, None)
    else:
        table[object_id] = plan


def _in_zone(reps: dict[str, RepPlan], groups: dict[str, GroupPlan], org_zone: str) -> None:
    """Compile all filters anew: their days are days of another zone now (reading C1)."""
    for rep_id, rep in reps.items():
        if rep.filter is not None and rep.terms is not None:
            reps[rep_id] = RepPlan.compile(rep.terms, org_zone)
    for group_id, group in groups.items():
        if group.filter is not None and group.published is not None:
            groups[group_id] = GroupPlan.compile(group.published, org_zone)


def rep_plan(rep_id: str, value: dict[str, Any] | None, org_zone: str = "UTC") -> RepPlan | None:
    """Compile a published rep; None if the rep was removed. Raises `RuleErrors` with the field's name."""
    return None if value is None else RepPlan.compile(_read({**value, "rep_id": rep_id}, RepTerms), org_zone)


def _group(group_id: str, value: dict[str, Any] | None, org_zone: str) -> GroupPlan | None:
    return (
        None if value is None else GroupPlan.compile(_read({**value, "group_id": group_id}, Group), org_zone)
    )


def _read(value: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(present(value), kind)
    except msgspec.ValidationError as error:
        raise RuleErrors((Problem(path="value", reason=str(error)),)) from error


def _settings(value: dict[str, Any]) -> OrgSettings:
    settings = _read(value, OrgSettings)
    for index, text in enumerate(settings.shared_handles):
        try:
            read_joining_handle(text)
        except ValueError as error:
            raise RuleErrors((Problem(path=f"shared_handles[{index}]", reason=str(error)),)) from error
    return settings


def _filter(raw: dict[str, Any] | None, org_zone: str) -> CompiledRule | None:
    tree = in_zone(parse(raw, "filter"), org_zone)
    return CompiledRule(tree) if tree.rules else None
