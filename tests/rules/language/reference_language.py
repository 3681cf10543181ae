"""Random trees, leads and times, and a second implementation of the rule language. It shares no code with the first."""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from models.facts import Facts
from models.lead import Deadline, DeadlineKind, Lead, Lock, Phase

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
UNITS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
TICK = timedelta(microseconds=1)

# There are few values, so that leads and rules often match. Some of them are easy to get wrong.
STATES = ["RI", "MA", "TX"]
WORDS = ["Jones", "jones", "JO", "straße", "STRASSE", "Ünal", "o", "purchase", "a b"]
NUMBERS = [0, -1, 1, 640, 700, 700.5, 310_000]
SCORES = [640, 700, 712]
ATTRIBUTES: list[Any] = [*WORDS[:3], "12", "12.5", 12, 12.5, 7, True, None, [], {"a": 1}, "x"]
OFFSETS = [
    timedelta(0),
    *(sign * UNITS[unit] * n for unit in UNITS for n in (1, 2, 14, 30) for sign in (1, -1)),
    TICK,
    -TICK,
]

instants = st.builds(
    lambda offset, tick, zone: (NOW + offset + tick * TICK).astimezone(zone),
    st.sampled_from(OFFSETS),
    st.integers(-1, 1),
    st.sampled_from([UTC, UTC, datetime.strptime("-05:00", "%z").tzinfo]),
)
maybe_instants = st.none() | instants


def _or_absent(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.none() | st.sampled_from(values)


facts = st.builds(
    Facts,
    vendor=st.sampled_from(["acme", "Zeta"]),
    last_name=_or_absent(WORDS),
    campaign=_or_absent(WORDS),
    state=_or_absent(STATES),
    loan_amount=_or_absent(NUMBERS),
    credit_score=_or_absent(SCORES),
    silenced=st.booleans(),
    consent=st.none() | st.booleans(),
    created_at=maybe_instants,
    attributes=st.dictionaries(st.sampled_from(["tier", "x.y"]), st.sampled_from(ATTRIBUTES)),
)


def leads(phases: list[Phase] | None = None) -> st.SearchStrategy[Lead]:
    """Leads in the given phases; by default in all phases."""
    return st.builds(
        make,
        st.sampled_from(phases or list(Phase)),
        facts=facts,
        arrived_at=instants,
        assigned_at=maybe_instants,
        queue_since=maybe_instants,
        last_contacted_at=maybe_instants,
        owner_last_contacted_at=maybe_instants,
        owner_left=st.booleans(),
        callback_at=maybe_instants,
        deferred_at=st.none() | st.none() | instants,
        claimed_through=st.none() | st.none() | st.just("aged"),
        last_outcome=_or_absent(WORDS),
        inquiries=st.integers(1, 3),
        suppressed=st.sampled_from([{}, {}, {"phone/+14014194247": "asked us not to"}]),
    )


def make(phase: Phase = Phase.QUEUED, **fields: Any) -> Lead:
    """Return a lead as the lead machine keeps it: owner and lock agree with its phase.

    A promised call after `NOW` has its deadline, and any other is due (M7).
    """
    promised: datetime | None = fields.get("callback_at")
    owned, locked = phase in (Phase.OWNED, Phase.WORKING), phase in (Phase.LOCKED, Phase.WORKING)
    defaults: dict[str, Any] = {
        "lead_id": "lead-1",
        "facts": Facts(vendor="acme"),
        "phase": phase,
        "arrived_at": NOW,
        "updated_at": NOW,
        "owner": "rep-7" if owned else None,
        "lock": Lock("rep-3", NOW, NOW + UNITS["hour"], 1) if locked else None,
        "deadlines": (Deadline(DeadlineKind.CALLBACK, promised, 1),) if promised and promised > NOW else (),
    }
    return Lead(**{**defaults, **fields})


dated_leads = st.builds(
    make,
    facts=st.builds(Facts, vendor=st.just("acme"), created_at=instants),
    arrived_at=instants,
    queue_since=instants,
    last_contacted_at=instants,
    callback_at=instants,
)
"""Leads in which every date is set."""


def _dates() -> st.SearchStrategy[str]:
    days = st.sampled_from(["2026-11-19", "2026-11-20", "2026-11-21", "2026-10-21"])
    return days | instants.map(lambda at: at.isoformat())


def _condition(
    fields: list[str], operators: list[str], values: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda field, operator, value: {"field": field, "operator": operator, "value": value},
        st.sampled_from(fields),
        st.sampled_from(operators),
        values,
    )


def _pair(values: st.SearchStrategy[Any], key: Callable[[Any], Any]) -> st.SearchStrategy[list[Any]]:
    return st.tuples(values, values).map(lambda pair: sorted(pair, key=key))


def _kind(
    fields: list[str], values: st.SearchStrategy[Any], *, key: Callable[[Any], Any] | None, lists: bool = True
) -> list[st.SearchStrategy[Any]]:
    kinds = [_condition(fields, ["=", "!="], values)]
    if lists:
        kinds.append(_condition(fields, ["in", "notIn"], st.lists(values, min_size=1, max_size=3)))
    if key is not None:
        kinds.append(_condition(fields, ["<", "<=", ">", ">="], values))
        kinds.append(_condition(fields, ["between", "notBetween"], _pair(values, key)))
    return kinds


TEXTS = ["last_name", "campaign", "vendor", "last_outcome"]
DATES = ["created_at", "last_contacted_at", "owner_last_contacted_at", "callback_at", "arrived_at"]
DAY_COUNTS = [0, 1, 2, 14, 30]
PARTS = ["contains", "doesNotContain", "beginsWith", "doesNotBeginWith", "endsWith", "doesNotEndWith"]
_words, _numbers = st.sampled_from(WORDS), st.sampled_from(NUMBERS)
_amounts = st.fixed_dictionaries(
    {"amount": st.sampled_from([1, 2, 14, 30]), "unit": st.sampled_from(list(UNITS))}
)
ATTRIBUTE_NAMES = ["attributes.tier", "attributes.x.y"]

_days = _kind(["days_in_queue"], st.sampled_from(DAY_COUNTS), key=float)
relative = _condition(DATES, ["inLast", "notInLast", "inNext"], _amounts) | st.one_of(_days)
conditions = st.one_of(
    *_kind(TEXTS, _words, key=str.casefold),
    _condition(TEXTS + ATTRIBUTE_NAMES, PARTS, _words),
    *_kind(["state"], st.sampled_from(STATES), key=None),
    *_kind(["loan_amount"], _numbers, key=float),
    *_kind(["credit_score", "inquiries"], st.sampled_from([1, 2, *SCORES]), key=float),
    *_kind(
        ["silenced", "consent", "owned", "owned_by_active", "claimed_once"],
        st.booleans(),
        key=None,
        lists=False,
    ),
    *_kind(DATES, _dates(), key=lambda text: span(text)[0], lists=False),
    *_kind(ATTRIBUTE_NAMES, st.sampled_from(["jo", "12", "12.5", "true"]), key=str.casefold),
    *_kind(ATTRIBUTE_NAMES, st.sampled_from([7, 12, 12.5]), key=float),
    _condition(
        [*TEXTS, *DATES, *ATTRIBUTE_NAMES, "state", "loan_amount", "consent"], ["null", "notNull"], st.none()
    ),
    relative,
    relative,
)


def _groups(rules: st.SearchStrategy[Any], least: int = 1) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "combinator": st.sampled_from(["and", "or"]),
            "not": st.sampled_from([False, False, True]),
            "rules": st.lists(rules, min_size=least, max_size=4),
        }
    )


trees = st.just({"combinator": "and", "rules": []}) | _groups(st.recursive(conditions, _groups, max_leaves=6))
"""Trees as the rule builder writes them, including the empty one."""

timed_trees = _groups(st.recursive(relative, _groups, max_leaves=5), least=2)
"""Trees that contain only relative dates. Their results change often, and more than once."""


# -- the second reading
# ---------------------------------------------------------------------------------------------


def span(text: str) -> tuple[datetime, datetime]:
    """Return when a written date begins and when it ends."""
    if len(text) == len("2026-11-20"):
        start = datetime.fromisoformat(text + "T00:00:00+00:00")
        return start, start + timedelta(days=1)
    at = datetime.fromisoformat(text)
    return at, at + TICK


def value_of(lead: Lead, name: str) -> Any:
    """Read a field without any lookup table."""
    if name.startswith("attributes."):
        return lead.facts.attributes.get(name[len("attributes.") :])
    if name == "silenced":
        return lead.facts.silenced or len(lead.suppressed) > 0
    if name == "owned":
        return lead.owner is not None
    if name == "owned_by_active":
        return lead.owner is not None and not lead.owner_left
    if name == "days_in_queue":
        return queue_since(lead)
    if name == "claimed_once":
        return lead.claimed_through is not None
    return getattr(lead.facts, name) if hasattr(lead.facts, name) else getattr(lead, name)


def queue_since(lead: Lead) -> datetime:
    """Return since when a lead is in its owner's queue, or nobody has it."""
    return next(at for at in (lead.queue_since, lead.assigned_at, lead.arrived_at) if at is not None)


def meets(raw: dict[str, Any], lead: Lead, now: datetime) -> bool:
    """Evaluate a tree literally, without optimisation."""
    if "rules" in raw:
        results = [meets(rule, lead, now) for rule in raw["rules"]]
        met = any(results) if raw["combinator"] == "or" and results else all(results)
        return met is not bool(raw.get("not"))
    value, operator, operand = value_of(lead, raw["field"]), raw["operator"], raw.get("value")
    if operator in ("null", "notNull"):
        return (value is None) is (operator == "null")
    if raw["field"].startswith("attributes."):
        operand = _as_numbers(operator, operand)
        value = _attribute(value, operand)
    if raw["field"] == "days_in_queue":
        value = max(0, int((now - value) / UNITS["day"] // 1))
    if value is None:
        return False
    if operator.startswith(("not", "doesNot")) or operator == "!=":
        positive = {
            "!=": "=",
            "notIn": "in",
            "notBetween": "between",
            "notInLast": "inLast",
            "doesNotContain": "contains",
            "doesNotBeginWith": "beginsWith",
            "doesNotEndWith": "endsWith",
        }[operator]
        return not _positive(positive, value, operand, now)
    return _positive(operator, value, operand, now)


def _as_numbers(operator: str, operand: Any) -> Any:
    """Return what an attribute is greater or less than as numbers, if all of it reads as numbers (C4)."""
    texts = operand if isinstance(operand, list) else [operand]
    ordered = operator in {"<", "<=", ">", ">=", "between", "notBetween"}
    if not ordered or not all(
        re.fullmatch(r"\s*[+-]?\d{1,15}(\.\d{1,15})?\s*", str(text), re.ASCII) for text in texts
    ):
        return operand
    numbers = [float(text) for text in texts]
    return numbers if isinstance(operand, list) else numbers[0]


def _attribute(value: Any, operand: Any) -> Any:
    first = operand[0] if isinstance(operand, list) else operand
    if isinstance(first, str):
        if isinstance(value, bool):
            return str(value).lower()
        return str(value) if isinstance(value, (int, float, str)) else None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _positive(operator: str, value: Any, operand: Any, now: datetime) -> bool:
    if isinstance(operand, dict):
        length = operand["amount"] * UNITS[operand["unit"]]
        start, end = (value, value + length) if operator == "inLast" else (value - length, value)
        return bool(start <= now < end)
    if isinstance(value, datetime):
        return _compare_instants(operator, value, operand)
    if isinstance(value, str):
        value = _folded(value)
        operand = [_folded(item) for item in operand] if isinstance(operand, list) else _folded(operand)
    ways: dict[str, Callable[[], bool]] = {
        "=": lambda: value == operand,
        "<": lambda: value < operand,
        "<=": lambda: value <= operand,
        ">": lambda: value > operand,
        ">=": lambda: value >= operand,
        "in": lambda: any(value == item for item in operand),
        "between": lambda: operand[0] <= value <= operand[1],
        "contains": lambda: operand in value,
        "beginsWith": lambda: value[: len(operand)] == operand,
        "endsWith": lambda: value[-len(operand) :] == operand,
    }
    return ways[operator]()


def _folded(text: str) -> str:
    """Return a text without case, and composed, also where its letters came apart (B7)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def _compare_instants(operator: str, value: datetime, operand: Any) -> bool:
    if operator == "between":
        return span(operand[0])[0] <= value < span(operand[1])[1]
    start, end = span(operand)
    return {
        "=": start <= value < end,
        "<": value < start,
        "<=": value < end,
        ">": value >= end,
        ">=": value >= start,
    }[operator]


def turns_at(test: Callable[[datetime], bool], moments: set[datetime], now: datetime) -> datetime | None:
    """Return the first of the later moments at which the result differs."""
    before = test(now)
    return next((at for at in sorted(moments) if at > now and test(at) is not before), None)


def moments(lead: Lead) -> set[datetime]:
    """Return every instant at which any relative date of these trees could change its result for a lead."""
    dates = [at for name in (*DATES, "days_in_queue") if (at := value_of(lead, name)) is not None]
    lengths = [n * unit for unit in UNITS.values() for n in (0, 1, 2, 3, 14, 15, 30, 31)]
    return {at + sign * length for at in dates for length in lengths for sign in (1, -1)}
