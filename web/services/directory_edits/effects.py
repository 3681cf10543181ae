"""Finds the effects of an edit beyond the object itself, for the review before it is published (X2, R1, Q5)."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Engine, func, select

from application.directory.objects import Value
from models.lead import OWNED_PHASES, Phase
from rules.queues.rule_book import Key, OrgRules
from sink.db_errors import translated_errors
from sink.tables import LeadTable
from web.services.look_alike_objects import look_alikes_of

MAX_COMPARED: Final = 500
"""On a roster of more reps it is only said how many have other places."""


def effects(crm: Engine, rules: OrgRules, key: Key, old: Value | None, new: Value | None) -> list[str]:
    """Return the effects as sentences. Blocking. Raises `RetryableError` if the CRM database is unavailable."""
    kind, object_id = key
    sentences: list[str] = []
    if kind == "rep":
        sentences = list(_rep(crm, rules, object_id, old, new))
    elif kind == "group":
        sentences = list(_group(rules, old, new))
    elif kind == "settings":
        sentences = list(_settings(old or {}, new or {}))
    return [*sentences, *_new_twins(rules, key, new)]


def _new_twins(rules: OrgRules, key: Key, new: Value | None) -> list[str]:
    """Return what the object has in common with others from now on."""
    if new is None:
        return []
    before = {
        object_key: published.value
        for object_key, published in rules.objects.items()
        if published.value is not None
    }
    former = look_alikes_of(before, key)
    return [text for text in look_alikes_of({**before, key: new}, key) if text not in former]


def _rep(crm: Engine, rules: OrgRules, rep_id: str, old: Value | None, new: Value | None) -> Iterator[str]:
    was_active = old is not None and old.get("active", True)
    is_now = new is not None and new.get("active", True)
    name = (old or new or {}).get("name") or rep_id
    if old is None and rules.is_open:
        yield "This is the org's first rep. From now on only reps with a role may sign in and act."
    if was_active and not is_now:
        owned, opened = _leads(crm, rules.org, rep_id)
        yield f"{name} is signed out and may no longer sign in or act. Every offer and ring to them ends."
        yield f"{_counted(owned)} of theirs will have no owner. They go to other reps, or to the exceptions desk."
        if opened:
            yield f"{_counted(opened)} that they have open will be unlocked."
        yield "Promised calls stay with the leads. Leads that they claimed through a queue cannot be claimed again."
    elif not was_active and is_now and old is not None:
        yield f"{name} may sign in and gets leads again. Their former leads do not come back."


def _group(rules: OrgRules, old: Value | None, new: Value | None) -> Iterator[str]:
    if old is None or new is None:
        return
    if old.get("method") != new.get("method"):
        yield "Open offers continue. The next lead is distributed by the new method."
    removed = {member["rep_id"] for member in old.get("members", ())} - {
        member["rep_id"] for member in new.get("members", ())
    }
    if removed:
        names = sorted(_rep_name(rules, rep_id) for rep_id in removed)
        yield f"{', '.join(names)}: no more leads of this group. They keep the leads that they own."
    yield from moves(rules, _order(old), _order(new))


def _order(group: Value) -> list[str]:
    return [member["rep_id"] for member in group.get("members", ())]


def moves(rules: OrgRules, old: list[str], new: list[str]) -> Iterator[str]:
    """Return who has another place on a roster, without those whom others only push up or down (R1)."""
    old_places = {rep_id: position for position, rep_id in enumerate(old, start=1)}
    if old == new:
        return
    if len(new) > MAX_COMPARED:
        others = sum(old_places.get(rep_id) != position for position, rep_id in enumerate(new, start=1))
        yield f"{others:,} reps have other places than before, or come in."
        return
    stayed = _in_order(old_places, new)
    for position, rep_id in enumerate(new, start=1):
        name = _rep_name(rules, rep_id)
        if rep_id not in old_places:
            yield f"{name} comes in at place {position}."
        elif rep_id not in stayed and old_places[rep_id] != position:
            yield f"{name} moves from place {old_places[rep_id]} to {position}."


def _in_order(old_places: dict[str, int], new: list[str]) -> set[str]:
    """Return the most reps whose order is as it was; of several such sets one with the most equal positions.

    It compares each pair: at most `MAX_COMPARED` squared.
    """
    both = [(rep_id, position) for position, rep_id in enumerate(new, start=1) if rep_id in old_places]
    best = list[
        tuple[int, int, int]
    ]()  # (reps, equal positions, the index before; -1: none) of the sets that end here
    for rep_id, position in both:
        before = max(
            (
                (reps, equal, n)
                for n, (reps, equal, _) in enumerate(best)
                if old_places[both[n][0]] < old_places[rep_id]
            ),
            default=(0, 0, -1),
        )
        best.append((before[0] + 1, before[1] + (old_places[rep_id] == position), before[2]))
    at = max(range(len(best)), key=lambda n: best[n][:2], default=-1)
    stayed = set[str]()
    while at >= 0:
        stayed.add(both[at][0])
        at = best[at][2]
    return stayed


def _rep_name(rules: OrgRules, rep_id: str) -> str:
    rep = rules.reps.get(rep_id)
    return (rep.name if rep else "") or rep_id


def _settings(old: Value, new: Value) -> Iterator[str]:
    before, now = old.get("round_robin", True), new.get("round_robin", True)
    if before and not now:
        yield "Round robin is off: new leads of such a group are assigned to number one on its roster (R1)."
    elif now and not before:
        yield "Round robin is on: new leads go to the reps of such a group in turn (R1)."
    if old.get("lock_minutes", 60) != new.get("lock_minutes", 60):
        yield "Present locks keep their end. New locks last as long as set here."


def _leads(crm: Engine, org: str, rep_id: str) -> tuple[int, int]:
    """Return how many leads a rep owns, and how many of those it has open."""
    table = LeadTable
    phases = [phase.value for phase in OWNED_PHASES]
    query = (
        select(table.phase, func.count())
        .where(table.owner == rep_id, table.org == org, table.phase.in_(phases))
        .group_by(table.phase)
    )
    with translated_errors("CRM database"), crm.connect() as connection:
        counts = dict(connection.execute(query).all())
    return sum(counts.values()), counts.get(Phase.WORKING.value, 0)


def _counted(number: int) -> str:
    return "No lead" if number == 0 else "1 lead" if number == 1 else f"{number:,} leads"
