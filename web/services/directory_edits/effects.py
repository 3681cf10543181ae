"""The effects of an edit beyond the object itself, for the review before it is published (X2, R1, Q5)."""

from collections.abc import Iterator

from sqlalchemy import Engine, func, select

from application.directory.objects import Value
from models.lead import OWNED_PHASES, Phase
from rules.queues.rule_book import Key, OrgRules
from sink.db_errors import translated
from sink.tables import LeadTable
from web.services.twins import twins_of


def effects(crm: Engine, rules: OrgRules, key: Key, old: Value | None, new: Value | None) -> list[str]:
    """Return the effects as sentences. Blocking. Raises `RetryableError` if the CRM database is unavailable."""
    kind, object_id = key
    said: list[str] = []
    if kind == "rep":
        said = list(_rep(crm, rules, object_id, old, new))
    elif kind == "group":
        said = list(_group(rules, old, new))
    elif kind == "settings":
        said = list(_settings(old or {}, new or {}))
    return [*said, *_new_twins(rules, key, new)]


def _new_twins(rules: OrgRules, key: Key, new: Value | None) -> list[str]:
    """Return what the object has in common with others from now on."""
    if new is None:
        return []
    before = {one: found.value for one, found in rules.objects.items() if found.value is not None}
    known = twins_of(before, key)
    return [text for text in twins_of({**before, key: new}, key) if text not in known]


def _rep(crm: Engine, rules: OrgRules, rep_id: str, old: Value | None, new: Value | None) -> Iterator[str]:
    was = old is not None and old.get("active", True)
    is_now = new is not None and new.get("active", True)
    name = (old or new or {}).get("name") or rep_id
    if old is None and rules.is_open:
        yield "This is the org's first rep. From now on only reps with a role may sign in and act."
    if was and not is_now:
        owned, opened = _leads(crm, rules.org, rep_id)
        yield f"{name} is signed out and may no longer sign in or act. Every offer and ring to them ends."
        yield f"{_counted(owned)} of theirs will have no owner. They go to other reps, or to the exceptions desk."
        if opened:
            yield f"{_counted(opened)} that they have open will be unlocked."
        yield "Promised calls stay with the leads. Leads that they claimed through a queue cannot be claimed again."
    elif not was and is_now and old is not None:
        yield f"{name} may sign in and gets leads again. Their former leads do not come back."


def _group(rules: OrgRules, old: Value | None, new: Value | None) -> Iterator[str]:
    if old is None or new is None:
        return
    if old.get("method") != new.get("method"):
        yield "Open offers continue. The next lead is distributed by the new method."
    gone = {one["rep_id"] for one in old.get("members", ())} - {
        one["rep_id"] for one in new.get("members", ())
    }
    if gone:
        names = sorted(rules.reps[one].name or one if one in rules.reps else one for one in gone)
        yield f"{', '.join(names)}: no more leads of this group. They keep the leads that they own."


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
    with translated("CRM database"), crm.connect() as connection:
        counts = dict(connection.execute(query).all())
    return sum(counts.values()), counts.get(Phase.WORKING.value, 0)


def _counted(number: int) -> str:
    return "No lead" if number == 0 else "1 lead" if number == 1 else f"{number:,} leads"
