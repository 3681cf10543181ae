"""Measures (`bench allocate`) how fast one process allocates leads of one org, in groups of ten reps with round robin.

Each lead asks for a rep, is offered, and is claimed, or times out and asks again. The figure counts the offers. A step
includes what the stage does with an event, except Kafka: decide, store the rows, encode them.
"""

import gc
import random
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Any, Final

import msgspec

from models.events import DirectoryPublished
from models.facts import Facts
from models.lead import Lead, Phase
from models.offers import OfferMade, Outcome
from models.org_decisions import StepResult
from models.org_events import OfferSettled, OrgEvent, OrgLeadClosed, RepRequested
from rules.org.directory import OrgDirectory
from rules.org.machine import step_org
from rules.org.state import OrgState

NOW: Final = datetime(2026, 11, 20, 15, tzinfo=UTC)
SEED: Final = 20_261_120
GROUP: Final = 10
"""Reps in one group."""
STATES: Final = ("RI", "MA", "CT", "NY", "NJ")
OPEN: Final = 20
"""The maximum of open leads per rep."""
WORKED: Final = 50
"""A lead is closed this many leads later, in an org of any size, so that each lead costs the same number of events."""
_ENCODER: Final = msgspec.json.Encoder()


def a_directory(reps: int, rng: random.Random) -> OrgDirectory:
    """Return an org with this many reps, in groups of ten, with hours, licences, caps, and a pause at night."""
    groups = max(1, reps // GROUP)
    rosters: list[list[dict[str, Any]]] = [[] for _ in range(groups)]
    published = []
    for n in range(reps):
        terms = {
            "licensed_states": rng.sample(STATES, 4),
            "hours": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "20:00"}],
            "max_open": OPEN,
            "time_zone": rng.choice(("America/New_York", "America/Chicago")),
        }
        published.append(("rep", f"rep-{n}", terms))
        rosters[n % groups].append({"rep_id": f"rep-{n}"})
    for n, members in enumerate(rosters):
        group = {
            "method": "round_robin",
            "members": members,
            "claim_window_seconds": 900,
            "pause": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "20:00", "to": "08:00"}],
            "time_zone": "America/New_York",
        }
        published.append(("group", f"group-{n}", group))
    events = [
        DirectoryPublished(lead_id="", cause="c", org="o", kind=kind, object_id=name, version=n, value=value)
        for n, (kind, name, value) in enumerate(published)
    ]
    return OrgDirectory().publish(*events)


class Load:
    """Leads that arrive at the org's groups in turn."""

    def __init__(self, reps: int) -> None:
        self.rng = random.Random(SEED)
        self.directory = a_directory(reps, self.rng)
        self.groups = len(self.directory.groups)
        self.state = OrgState()
        self.at = NOW
        self.asked = 0
        self.offers = 0
        self.held: deque[tuple[str, int]] = deque()

    def tell(self, event: OrgEvent) -> StepResult:
        """Decide one event, store its rows, and encode them as for a journal."""
        step = step_org(self.state, event, self.at, self.directory)
        self.state.put(step.rows)
        for row in step.rows:
            _ENCODER.encode(row)
        _ENCODER.encode(step.decisions)
        return step

    def lead(self) -> None:
        """Process one lead: it is asked for, offered, and claimed; every fourth lead times out first."""
        self.asked += 1
        self.at += timedelta(milliseconds=1)
        lead_id = f"lead-{self.asked}"
        facts = Facts(vendor="v", first_name="Jeremy", last_name="Jones", state=self.rng.choice(STATES))
        lead = Lead(lead_id=lead_id, facts=facts, phase=Phase.QUEUED, arrived_at=self.at, updated_at=self.at)
        group_id = f"group-{self.asked % self.groups}"
        tried_reps: tuple[str, ...] = ()
        epoch = 1
        while True:
            request = RepRequested(
                cause="c", lead_id=lead_id, epoch=epoch, group_id=group_id, lead=lead, tried=tried_reps
            )
            offer = self.tell(request).decisions[-1]
            if not isinstance(offer, OfferMade):
                raise TypeError(f"the load leaves room for every lead, but: {offer}")
            self.offers += 1
            claimed = bool(tried_reps) or self.asked % 4 != 0
            outcome = Outcome.CLAIMED if claimed else Outcome.TIMEOUT
            self.tell(
                OfferSettled(cause="c", lead_id=lead_id, epoch=epoch, outcome=outcome, rep_id=offer.rep_id)
            )
            if claimed:
                break
            tried_reps, epoch = (*tried_reps, offer.rep_id), epoch + 1
        self.held.append((lead_id, epoch))
        if len(self.held) > WORKED:
            closed, epoch = self.held.popleft()
            self.tell(OrgLeadClosed(cause="c", lead_id=closed, epoch=epoch))


def rate(reps: int, *, offers: int, repeats: int) -> float:
    """Return allocations per second in an org with this many reps: the median of `repeats` runs over one org."""
    load = Load(reps)
    for _ in range(load.groups + 500):
        load.lead()
    rates = []
    gc.collect()
    for _ in range(repeats):
        before, start = load.offers, perf_counter()
        while load.offers - before < offers:
            load.lead()
        rates.append((load.offers - before) / (perf_counter() - start))
    return median(rates)


def run(
    *, progress: Callable[[str], None] | None = None, offers: int = 5_000, repeats: int = 5
) -> dict[str, Any]:
    """Return `per_s_10`, `per_s_1000`, `per_s_10000`: allocations per second with that many reps, medians.

    `growth_1000`, `growth_10000`: how many times as long one allocation takes as with 10 reps. `progress` gets each
    figure when it is measured.
    """
    figures: dict[str, Any] = {}
    for reps in (10, 1_000, 10_000):
        figures[f"per_s_{reps}"] = round(rate(reps, offers=offers, repeats=repeats))
        if progress is not None:
            progress(f"{reps:>6,} reps: {figures[f'per_s_{reps}']:>8,} allocations a second")
    for reps in (1_000, 10_000):
        figures[f"growth_{reps}"] = round(figures["per_s_10"] / figures[f"per_s_{reps}"], 2)
    return figures


if __name__ == "__main__":
    print(run(progress=print))
