"""Measures (`bench rules`) how fast one process evaluates a rule of five conditions, and a lead against 1,000 queues.

It measures no peer: the decision on the rule language names the engines that were tried.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Any, Final

from models.facts import Facts
from models.geography import STATE_CODES
from models.lead import Lead, Phase
from rules.language.compile import CompiledRule
from rules.language.tree import parse
from rules.queues.membership import CompiledQueue, QueueIndex

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
SEED: Final = 20_261_120
LEADS: Final = 2_000
QUEUES: Final = 1_000
PURPOSES: Final = ("purchase", "refinance", "cash_out", "home_equity")
STATES: Final = tuple(sorted(STATE_CODES))

FIVE_CONDITIONS: Final = {
    "combinator": "and",
    "rules": [
        {"field": "state", "operator": "in", "value": ["RI", "MA", "CT", "NY", "NJ", "TX", "CA", "FL"]},
        {"field": "loan_purpose", "operator": "!=", "value": "reverse"},
        {"field": "loan_amount", "operator": "between", "value": [50_000, 900_000]},
        {"field": "credit_score", "operator": ">=", "value": 500},
        {"field": "created_at", "operator": "inLast", "value": {"amount": 30, "unit": "day"}},
    ],
}


def a_lead(rng: random.Random, n: int, states: tuple[str, ...] = STATES) -> Lead:
    """Return one lead of the workload."""
    created = NOW - timedelta(minutes=rng.randrange(60 * 24 * 30))
    facts = Facts(
        vendor=f"vendor-{rng.randrange(12)}",
        campaign=f"campaign-{rng.randrange(60)}",
        first_name="Jeremy",
        last_name="Jones",
        state=rng.choice(states),
        zip="02903",
        loan_purpose=rng.choice(PURPOSES),
        loan_amount=rng.randrange(60_000, 900_000, 1_000),
        credit_score=rng.randrange(520, 850),
        created_at=created,
    )
    return Lead(lead_id=f"lead-{n}", facts=facts, phase=Phase.QUEUED, arrived_at=created, updated_at=created)


def a_queue(rng: random.Random, n: int) -> CompiledQueue:
    """Return one queue of the workload: a few states, a purpose, a range, an age, and an exclusion."""
    low = rng.randrange(50_000, 500_000, 50_000)
    rules: list[dict[str, Any]] = [
        {"field": "state", "operator": "in", "value": rng.sample(STATES, rng.randrange(1, 6))},
        {"field": "loan_amount", "operator": "between", "value": [low, low + 400_000]},
        {
            "field": "created_at",
            "operator": "inLast",
            "value": {"amount": rng.choice((7, 14, 30)), "unit": "day"},
        },
    ]
    if rng.random() < 0.6:
        rules.append({"field": "loan_purpose", "operator": "=", "value": rng.choice(PURPOSES)})
    if rng.random() < 0.3:
        rules.append({"field": "campaign", "operator": "=", "value": f"campaign-{rng.randrange(60)}"})
    if rng.random() < 0.5:
        rules.append({"field": "credit_score", "operator": ">=", "value": rng.randrange(550, 750, 25)})
    value = {
        "claimable": n % 2 == 0,
        "inclusion": {"combinator": "and", "rules": rules},
        "exclusion": {
            "combinator": "or",
            "rules": [
                {"field": "silenced", "operator": "=", "value": True},
                {"field": "vendor", "operator": "=", "value": f"vendor-{rng.randrange(12)}"},
            ],
        },
        "sort": {
            "field": rng.choice(("created_at", "loan_amount")),
            "direction": rng.choice(("asc", "desc")),
        },
    }
    return CompiledQueue.from_value(f"queue-{n:04}", value, n)


def run(*, repeats: int = 7, progress: Callable[[str], None] = print) -> dict[str, Any]:
    """Measure, report and return `evaluations_per_s`, `lead_1000_queues_us` and figures for comparison.

    `evaluations_per_s`: evaluations per second of a rule of five conditions, each of which is evaluated.
    `lead_1000_queues_us`: the time for one lead's places among 1,000 queues; `one_by_one_us`: the same without the
    index. All are medians of `repeats`.
    """
    rng = random.Random(SEED)
    rule = CompiledRule(parse(FIVE_CONDITIONS))
    eastern = ("RI", "MA", "CT", "NY", "NJ", "TX", "CA", "FL")
    meeting = [a_lead(rng, n, eastern) for n in range(LEADS)]
    if not all(rule.test(lead, NOW)[0] for lead in meeting):
        raise RuntimeError("a lead that fails a condition early would flatter the figure")
    leads = [a_lead(rng, n) for n in range(LEADS)]
    queues = [a_queue(rng, n) for n in range(QUEUES)]
    index = QueueIndex(queues)
    rules = [queue.rule for queue in queues]

    def evaluations() -> int:
        test = rule.test
        for _ in range(20):
            for lead in meeting:
                test(lead, NOW)
        return 20 * len(meeting)

    def indexed() -> int:
        for lead in leads:
            index.evaluate(lead, NOW)
        return len(leads)

    def one_by_one() -> int:
        for lead in leads[:100]:
            for rule in rules:
                rule.test(lead, NOW)
        return 100

    def explained() -> int:
        for lead in leads[:200]:
            index.explain(lead, "queue-0000", NOW)
        return 200

    def built() -> int:
        QueueIndex(queues)
        return 1

    figures = {
        "evaluations_per_s": round(1 / _seconds(evaluations, repeats)),
        "lead_1000_queues_us": round(_seconds(indexed, repeats) * 1e6, 2),
        "one_by_one_us": round(_seconds(one_by_one, repeats) * 1e6, 1),
        "explain_us": round(_seconds(explained, repeats) * 1e6, 1),
        "build_1000_queues_ms": round(_seconds(built, repeats) * 1e3, 1),
        "places_per_lead": round(
            sum(len(index.evaluate(lead, NOW).sort_keys) for lead in leads) / len(leads), 2
        ),
    }
    width = max(map(len, figures))
    for name, figure in figures.items():
        progress(f"{name:<{width}}  {figure:>12,}")
    return figures


def _seconds(work: Callable[[], int], repeats: int) -> float:
    """Return the median seconds per unit of work; `work` returns how many units it did."""
    seconds = []
    for _ in range(repeats):
        start = perf_counter()
        units = work()
        seconds.append((perf_counter() - start) / units)
    return median(seconds)


if __name__ == "__main__":
    run()
