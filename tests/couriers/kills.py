"""Offers for a courier that is killed again and again, and what must have become of each (N1).

All channels are held to the same: what is useful comes, only what was on its way when the courier was killed is
repeated, and nothing comes later than an attempt may take after its end.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tests.fixtures.servers import unique
from tests.fixtures.waiting import LONG_PATIENCE_SECONDS, PATIENCE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.couriers.conftest import CourierProcess, Post

KILL_SECONDS: Final = float(os.environ.get("KILL_SECONDS", "0"))
"""If it is not 0, the courier is killed so many seconds after it is ready instead of after a number of offers."""
SHORT_SECONDS: Final = 4.0
LOOK_SECONDS: Final = 0.2
REFUSED_SHARE: Final = 0.7
"""The provider refuses some until so many of all offers came. Eight of ten are useful to the end."""
Accepted = list[tuple[str, float]]
"""What a provider accepted: the id of the request, and when."""


@dataclass
class Offers:
    """Offers to 20 reps: one in ten ends after some seconds, and another one in ten is withdrawn at once."""

    post: Post
    kind: str
    ids: list[str] = field(default_factory=list)
    short: set[str] = field(default_factory=set)
    withdrawn: set[str] = field(default_factory=set)
    reps: list[str] = field(default_factory=lambda: [unique("rep") for _ in range(20)])
    most: int | None = None
    """How many the provider may accept in all until the courier is killed next; None: any number."""

    def write(self, number: int) -> None:
        """Publish the reps and write the requests."""
        for rep in self.reps:
            self.post.rep(rep)
        for n in range(number):
            rep, lead = self.reps[n % len(self.reps)], unique("lead")
            brief = n % 10 == 0
            seconds = SHORT_SECONDS if brief else 600
            identity = self.post.request(rep, lead, kind=self.kind, seconds=seconds, flush=False)
            self.ids.append(identity)
            if brief:
                self.short.add(identity)
            if n % 10 == 5:
                self.post.request(rep, lead, kind=self.kind, withdrawn=True, flush=False)
                self.withdrawn.add(identity)
        assert self.post.producer.flush(PATIENCE_SECONDS) == 0

    @property
    def useful(self) -> set[str]:
        """The offers that must come."""
        return set(self.ids) - self.short - self.withdrawn

    def through_kills(
        self,
        start: Callable[[], CourierProcess],
        accepted: Callable[[], Accepted],
        *,
        every: int,
        limit: Callable[[int], object] = lambda _: None,
    ) -> int:
        """Kill the courier after every so many accepted offers until all useful ones came. Return how many kills.

        The provider accepts at most half as many more, so a slow test cannot miss its moments. `limit`: told how many
        it may accept in all, if it does not look at `most`.
        """
        kills = 0

        def allow() -> int:
            """Let the provider accept half as many more as the next goal, which is returned."""
            before = len(accepted())
            if not KILL_SECONDS:
                self.most = before + every + every // 2
                limit(self.most)
            return before + every

        goal = allow()
        courier = start()

        def unaccepted() -> set[str]:
            return self.useful - {identity for identity, _ in accepted()}

        while unaccepted():
            if KILL_SECONDS:
                courier.wait_ready()
            at = time.monotonic() + KILL_SECONDS

            def due(goal: int = goal, at: float = at) -> bool:
                reached = time.monotonic() >= at if KILL_SECONDS else len(accepted()) >= goal
                return reached or not unaccepted()

            assert until(due, LONG_PATIENCE_SECONDS, every=LOOK_SECONDS), courier.log.read_text()[-3000:]
            courier.kill()
            kills += 1
            goal = allow()
            courier = start()
        all_done = until(lambda: self.post.all_have_fates(*self.ids), LONG_PATIENCE_SECONDS, every=1.0)
        assert all_done, courier.log.read_text()[-3000:]
        return kills

    def is_full(self, accepted: int) -> bool:
        """Say whether the provider accepts no more before the courier is killed."""
        return self.most is not None and accepted >= self.most

    def is_refused(self, source: Random, accepted: int) -> bool:
        """Say whether the provider refuses one: a third of the time, until most came, and whenever it is full.

        Refused to the end, the last ones would come after six or seven pauses, each twice as long as the one before.
        """
        refuses = source.random() < 1 / 3 and accepted < REFUSED_SHARE * len(self.ids)
        return refuses or self.is_full(accepted)

    def least_kills(self, every: int, *, connections: int) -> int:
        """Return how often the courier is killed at least: so many lives it needs to deliver all useful offers.

        In each life the provider accepts at most `every` and half as many, and one more on each other connection.
        """
        return 1 if KILL_SECONDS else -(-len(self.useful) // (every + every // 2 + connections - 1))

    def check(
        self, accepted: Accepted, *, repeats: int, late_seconds: float, over: tuple[list[str], ...]
    ) -> dict[str, Any]:
        """Check what came, and return the figures.

        `repeats`: how many offers may have come a second time; `late_seconds`: how long after its end one may come;
        `over`: the fates that one that was withdrawn may have.
        """
        fates = self.post.fates(*self.ids)
        assert {identity for identity in self.ids if "sent" in fates[identity]} >= self.useful
        assert all(fates[identity] in over for identity in self.withdrawn)
        assert all(fates[identity] in (["failed"], ["sent"]) for identity in self.short)
        times = Counter(identity for identity, _ in accepted)
        repeated = sum(count - 1 for count in times.values())
        assert repeated <= repeats
        late = self._late(accepted)
        assert max(late, default=0.0) <= late_seconds
        kinds = Counter(tuple(statuses) for statuses in fates.values())
        return {
            "accepted": len(accepted),
            "repeats": repeated,
            "fates": dict(kinds),
            "latest": round(max(late, default=0.0), 3),
        }

    def _late(self, accepted: Accepted) -> list[float]:
        """Return how many seconds each came after its offer was over, of those that did."""
        ends = {}
        for record in self.post.records("notifications"):
            delivery = json.loads(record.value())
            if delivery["notification_id"] in self.ids and not delivery["withdrawn"]:
                ends[delivery["notification_id"]] = datetime.fromisoformat(
                    delivery["data"]["until"]
                ).timestamp()
        return [at - ends[identity] for identity, at in accepted if at > ends[identity]]
