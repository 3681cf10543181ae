"""N8: a rep chooses the ways for each kind of news, and quiet times in which nothing comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from couriers.directory import CourierDirectory
from couriers.pending import PendingRequest, WithdrawnError
from couriers.requests import quiet_seconds
from models.public import Notification
from streams.settings import Settings
from tests.fixtures.servers import unique
from tests.fixtures.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.couriers.conftest import CourierProcess, Post
    from tests.couriers.mail_server import MailServer

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


@pytest.mark.kafka
@pytest.mark.slow
def test_n8_a_rep_gets_only_the_news_that_the_rep_wants(
    post: Post, server: MailServer, start_courier: Callable[..., CourierProcess]
) -> None:
    rep, always_quiet = unique("rep"), unique("rep")
    address = post.rep(rep, notify={"offers": ["push"], "inquiries": []})
    post.rep(always_quiet, notify={"quiet_times": [{"days": DAYS, "from": "00:00", "to": "24:00"}]})
    start_courier()
    lead = unique("lead")
    offer = post.request(rep, lead)
    inquiry = post.request(rep, lead, template="new_inquiry", seconds=None)
    assigned = post.request(rep, lead, template="lead_assigned", seconds=None)
    quiet = post.request(always_quiet, lead)
    assert until(lambda: post.all_have_fates(offer, inquiry, assigned, quiet))
    assert post.fates(offer, inquiry, assigned, quiet) == {
        offer: ["withdrawn"],
        inquiry: ["withdrawn"],
        assigned: ["sent"],
        quiet: ["withdrawn"],
    }
    assert post.deliveries(offer)[0]["detail"] == "the rep wants no email of offers"
    assert post.deliveries(quiet)[0]["detail"] == "the request expires before the rep's quiet times end"
    assert len(server.for_rep(address)) == 1


@pytest.mark.parametrize(
    ("at", "hours", "template", "seconds"),
    [
        ("2026-11-27T22:30:00", 24, "lead_assigned", 7.5 * 3600),
        ("2026-11-27T12:00:00", 24, "lead_assigned", 0.0),
        ("2026-11-27T22:30:00", 24, "connect", 0.0),
        ("2026-11-27T22:30:00", 2, "lead_offered", None),
    ],
)
def test_n8_in_quiet_times_news_waits_or_is_dropped(
    at: str, hours: float, template: str, seconds: float | None
) -> None:
    """From 22:00 to 06:00 in the rep's own zone, which is five hours behind UTC. None: it is dropped."""
    directory = CourierDirectory(Settings.read())
    published: dict[str, Any] = {
        "rep_id": "r",
        "time_zone": "America/New_York",
        "notify": {"quiet_times": [{"days": DAYS, "from": "22:00", "to": "06:00"}]},
    }
    directory.publish_rep("default", "r", published)
    now = datetime.fromisoformat(at).replace(tzinfo=UTC) + timedelta(hours=5)
    notification = Notification(
        notification_id="i",
        kind="email",
        template=template,
        rep_id="r",
        lead_id="l",
        epoch=1,
        withdrawn=False,
        data={},
    )
    place: Any = None
    pending = PendingRequest(notification, "default", place, 0, now, now + timedelta(hours=hours))
    if seconds is None:
        with pytest.raises(WithdrawnError):
            quiet_seconds(pending, directory, now)
    else:
        assert quiet_seconds(pending, directory, now) == seconds
