"""N1: 1,000 offers, the courier killed again and again, the server refusing a third of the time.

Every mail that was still useful comes. A mail comes twice only where the courier was killed between the server's answer
and the record of it: at most one per connection and kill. No mail comes later than 20 seconds after its offer was over.

`KILL_SECONDS=5 pytest -s` kills it every five seconds, whatever it has sent until then.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import pytest

from couriers.channels.mail import SEND_SECONDS
from tests.fixtures.servers import unique
from tests.fixtures.waiting import LONG_PATIENCE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import EmailMessage

    from tests.couriers.conftest import CourierProcess, Post
    from tests.couriers.mail_server import MailServer

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

OFFERS: Final = 1_000
KILL_AFTER: Final = 140
"""The courier is killed whenever so many more mails were accepted."""
KILL_SECONDS: Final = float(os.environ.get("KILL_SECONDS", "0"))
"""If it is not 0, the courier is killed so many seconds after its start instead."""
CONNECTIONS: Final = 4
SHORT_SECONDS: Final = 4.0


def test_n1_a_thousand_offers_through_kills_and_refusals(
    post: Post, server: MailServer, start: Callable[..., CourierProcess], record_property: Callable[..., None]
) -> None:
    source = random.Random(14)
    accepted: list[tuple[str, float]] = []
    server.refuse = lambda *_: "451 4.3.0 Try again later" if source.random() < 1 / 3 else None

    def note(mail: EmailMessage) -> None:
        accepted.append((str(mail["Message-ID"]), time.time()))

    server.on_accepted = note
    reps = [unique("rep") for _ in range(20)]
    for rep in reps:
        post.rep(rep)
    ids: list[str] = []
    withdrawn: set[str] = set()
    short: set[str] = set()
    for n in range(OFFERS):
        rep, lead = reps[n % len(reps)], unique("lead")
        brief = n % 10 == 0
        identity = post.request(rep, lead, seconds=SHORT_SECONDS if brief else 600, flush=False)
        ids.append(identity)
        if brief:
            short.add(identity)
        if n % 10 == 5:
            post.request(rep, lead, withdrawn=True, flush=False)
            withdrawn.add(identity)
    assert post.producer.flush(60) == 0
    kills = 0
    courier = start("--instance-id", "mail-1", FIRSTCLAIM_SMTP_CONNECTIONS=str(CONNECTIONS))
    useful = set(ids) - short - withdrawn

    def distinct() -> int:
        return len({identity for identity, _ in accepted})

    def killed_at() -> Callable[[], bool]:
        goal, at = len(accepted) + KILL_AFTER, time.monotonic() + KILL_SECONDS
        if KILL_SECONDS:
            return lambda: time.monotonic() >= at or distinct() >= len(useful)
        return lambda: len(accepted) >= goal or distinct() >= len(useful)

    while distinct() < len(useful):
        assert until(killed_at(), LONG_PATIENCE_SECONDS), courier.log.read_text()[-3000:]
        courier.kill()
        kills += 1
        courier = start("--instance-id", "mail-1", FIRSTCLAIM_SMTP_CONNECTIONS=str(CONNECTIONS))
    assert until(lambda: post.all_have_fates(*ids), LONG_PATIENCE_SECONDS, every=1.0), (
        courier.log.read_text()[-3000:]
    )

    fates = post.fates(*ids)
    kinds: Counter[tuple[str, ...]] = Counter(tuple(found) for found in fates.values())
    assert {identity for identity in ids if "sent" in fates[identity]} >= useful
    assert all(fates[identity] in (["withdrawn"], ["sent"]) for identity in withdrawn)
    assert all(fates[identity] in (["failed"], ["sent"]) for identity in short)
    twice = {
        identity: count
        for identity, count in Counter(identity for identity, _ in accepted).items()
        if count > 1
    }
    repeats = sum(count - 1 for count in twice.values())
    assert repeats <= kills * CONNECTIONS
    late = _late(post, ids, accepted)
    assert max(late, default=0.0) <= SEND_SECONDS
    found: dict[str, Any] = {
        "kills": kills,
        "accepted": len(accepted),
        "repeats": repeats,
        "fates": dict(kinds),
    }
    print({**found, "tried": sum(server.tried.values()), "latest": max(late, default=0.0)})  # noqa: T201  # a measurement
    record_property("figures", str(found))
    assert kills >= 4


def _late(post: Post, ids: list[str], accepted: list[tuple[str, float]]) -> list[float]:
    """Return how many seconds each mail came after its offer was over, of those that did."""
    ends = {}
    for record in post.records("notifications"):
        said = json.loads(record.value())
        if said["notification_id"] in ids and not said["withdrawn"]:
            digest = hashlib.sha256(said["notification_id"].encode()).hexdigest()[:40]
            ends[f"<{digest}@lender.example>"] = datetime.fromisoformat(said["data"]["until"]).timestamp()
    return [at - ends[identity] for identity, at in accepted if at > ends[identity]]
