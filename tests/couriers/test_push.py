"""N3: push messages as a push service and its browsers get them: encrypted, signed, withdrawn, expired."""

from __future__ import annotations

import json
import signal
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from couriers.push.settings import PushSettings, make_key, public_key_of
from couriers.push.subscriptions import MAX_PER_REP
from models.errors import ConfigError
from models.push_subscription import subscription_id
from runtime.process import stop_process
from tests.couriers.conftest import CourierProcess
from tests.couriers.push_service import Browser, PushServer, push_server, subscribes
from tests.fixtures.servers import unique
from tests.fixtures.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.couriers.conftest import Post

TOPIC = "push-subscriptions"


class Push:
    """The push service, the courier, and the key with which browsers subscribe."""

    def __init__(self, post: Post, server: PushServer, folder: Path) -> None:
        self.post, self.server = post, server
        file = folder / "push-key.pem"
        self.public_key = public_key_of(make_key(file))
        self.courier = CourierProcess(
            post.settings(folder),
            folder / "push-courier.log",
            {
                **server.environment(),
                "FIRSTCLAIM_PUSH_PRIVATE_KEY_FILE": str(file),
                "FIRSTCLAIM_PUBLIC_URL": "https://console.lender.example",
            },
            channel="push",
        )

    def browser(self, rep: str, *, key: str | None = None) -> Browser:
        """Let a rep's browser subscribe, as the console writes it."""
        browser = self.server.browser(key or self.public_key)
        self.note(rep, browser.subscription)
        return browser

    def note(self, rep: str, subscription: dict[str, Any]) -> None:
        """Write a subscription to the topic."""
        subscribes(self.post, rep, subscription)

    def settle(self) -> None:
        """Wait until the courier has read all subscriptions written so far.

        Requests are on another topic, so the courier may read a request before the subscriptions written before it. The
        topic of subscriptions has one partition, so a courier that knows the last subscription knows all.
        """
        rep = unique("rep")
        self.post.rep(rep)
        last = self.browser(rep)

        def is_known() -> bool:
            self.fate_of(rep)
            return bool(last.messages())

        assert until(is_known), self.courier.log.read_text()[-3000:]

    def fate_of(self, rep: str, **request: Any) -> dict[str, Any]:
        """Request a push message and return its first fate."""
        identity = self.post.request(rep, unique("lead"), kind="push", **request)
        assert until(lambda: self.post.all_have_fates(identity)), self.courier.log.read_text()[-3000:]
        return self.post.deliveries(identity)[0]


@pytest.fixture(scope="module")
def push(post: Post, server_folder: Path) -> Iterator[Push]:
    """Yield one push service and one courier for all tests of this file."""
    with push_server(server_folder) as server:
        running = Push(post, server, server_folder)
        yield running
        stop_process(running.courier.process, signal.SIGTERM, 30)


@pytest.mark.kafka
@pytest.mark.slow
def test_n3_an_offer_is_shown_in_every_browser_and_withdrawn(push: Push) -> None:
    """Only the browser can read it, and only the owner of the VAPID key can send it: the push service checks both."""
    rep, lead = unique("rep"), unique("lead")
    push.post.rep(rep, time_zone="America/New_York")
    first, second = push.browser(rep), push.browser(rep)
    push.settle()
    identity = push.post.request(rep, lead, kind="push")
    assert until(lambda: first.messages() and second.messages()), push.courier.log.read_text()[-3000:]
    shown = first.messages()[0]
    assert {message["topic"] for message in (*first.messages(), *second.messages())} == {shown["topic"]}
    assert shown["content"]["title"] == "New Lead was Distributed to You"
    assert shown["content"]["body"].startswith("Team Source · yours until ")
    assert "Sequential" not in json.dumps(shown), "a name on a locked screen"
    assert shown["content"]["url"] == f"https://console.lender.example/leads/{lead}"
    assert shown["urgency"] == "high"
    seconds_left = datetime.fromisoformat(shown["content"]["until"]).timestamp() - shown["at"]
    assert int(seconds_left) <= shown["ttl"] <= 600, "it is kept until the offer ends"
    push.post.request(rep, lead, kind="push", withdrawn=True)
    assert until(
        lambda: all(browser.messages()[-1]["content"].get("withdrawn") for browser in (first, second))
    )
    taken_back = first.messages()[-1]
    assert taken_back["content"] == {"tag": shown["content"]["tag"], "withdrawn": True}
    assert taken_back["topic"] == shown["topic"], "it replaces what was not delivered yet"
    assert until(lambda: push.post.fates(identity)[identity] == ["sent", "withdrawn"])
    [sent, _] = push.post.deliveries(identity)
    assert (sent["channel"], sent["provider"]) == ("push", f"127.0.0.1:{push.server.port}")
    assert sent["detail"] == "2 of 2 browsers: 201 Created"


@pytest.mark.kafka
@pytest.mark.slow
def test_n3_a_name_is_shown_where_the_org_wants_names_in_subjects(push: Push) -> None:
    rep = unique("rep")
    push.post.rep(rep)
    browser = push.browser(rep)
    push.settle()
    push.post.publish("settings", "settings", {"mail": {"names_in_subjects": True}})

    def named() -> bool:
        push.fate_of(rep, template="new_lead_button")
        return "Sequential Test2" in browser.messages()[-1]["content"]["body"]

    assert until(named)
    assert browser.messages()[-1]["content"]["url"].endswith("/queues/mine")
    push.post.publish("settings", "settings", {})


@pytest.mark.kafka
@pytest.mark.slow
def test_n3_an_expired_browser_is_removed_and_the_fate_says_so(push: Push) -> None:
    rep = unique("rep")
    push.post.rep(rep)
    without_browser = push.fate_of(rep)
    assert (without_browser["status"], without_browser["detail"]) == (
        "withdrawn",
        f"no browser of rep {rep} takes push messages",
    )
    expired, remaining = push.browser(rep), push.browser(rep)
    expired.answers(410)
    push.settle()
    with_two = push.fate_of(rep)
    assert with_two["detail"] == "1 of 2 browsers: 201 Created; removed because they take none any more: 1"
    key = subscription_id(expired.subscription["endpoint"]).encode()

    def removed() -> bool:
        return any(record.key() == key and not record.value() for record in push.post.records(TOPIC))

    assert until(removed)
    assert push.fate_of(rep)["detail"] == "1 of 1 browsers: 201 Created"
    remaining.answers(404)
    last = push.fate_of(rep)
    assert (last["status"], last["detail"][:3]) == ("bounced", "404")
    assert push.fate_of(rep)["status"] == "withdrawn"
    assert expired.messages() == []


@pytest.mark.kafka
@pytest.mark.slow
def test_n3_failures_of_the_push_service(push: Push) -> None:
    """It is busy twice; it refuses; the address is no push service's; the keys are unusable."""
    busy, refused, foreign, wrong = (unique("rep") for _ in range(4))
    for rep in (busy, refused, foreign, wrong):
        push.post.rep(rep)
    push.browser(busy).answers(503, 429)
    push.browser(refused).answers(403)
    address = push.server.browser(push.public_key).subscription
    push.note(foreign, {**address, "endpoint": f"https://localhost:{push.server.port}/push/x"})
    push.note(wrong, {**address, "keys": {"p256dh": "AAAA", "auth": "AAAA"}})
    push.settle()
    assert push.fate_of(busy)["status"] == "sent"
    assert push.fate_of(refused)["detail"] == "403 answer 403"
    assert "FIRSTCLAIM_PUSH_SERVICES" in push.fate_of(foreign)["detail"]
    assert "keys are unusable" in push.fate_of(wrong)["detail"]


@pytest.mark.kafka
@pytest.mark.slow
def test_n3_a_browser_belongs_to_who_signed_in_there_last_and_a_rep_has_ten(push: Push) -> None:
    former, present = unique("rep"), unique("rep")
    push.post.rep(former)
    push.post.rep(present)
    shared = push.browser(former)
    push.note(present, shared.subscription)
    push.settle()
    assert push.fate_of(present)["status"] == "sent"
    assert push.fate_of(former)["status"] == "withdrawn"
    newer = [push.browser(present) for _ in range(MAX_PER_REP)]
    push.settle()
    before = shared.messages()
    assert push.fate_of(present)["detail"].startswith(f"{MAX_PER_REP} of {MAX_PER_REP} ")
    assert shared.messages() == before, "it is the eleventh"
    assert all(browser.messages() for browser in newer)


@pytest.mark.kafka
@pytest.mark.slow
def test_n3_unreadable_subscriptions_stop_nothing(push: Push) -> None:
    rep = unique("rep")
    push.post.rep(rep)
    for value in (b"\xff", b"{}", b'{"org": 1}'):
        push.post.write(TOPIC, unique("key"), value)
    push.browser(rep)
    push.settle()
    assert push.fate_of(rep)["status"] == "sent"


def test_n3_settings_name_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key.pem"
    key = make_key(file)
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(FileExistsError):
        make_key(file)
    monkeypatch.setenv("FIRSTCLAIM_PUSH_PRIVATE_KEY_FILE", str(file))
    settings = PushSettings.read()
    assert settings.browsers_key == public_key_of(key)
    assert settings.trusts("https://fcm.googleapis.com/fcm/send/x")
    assert settings.trusts("https://wns2-by3p.notify.windows.com/w/?token=1")
    for wrong in (
        "http://fcm.googleapis.com/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evil.example/fcm.googleapis.com",
        "https://fcm.googleapis.com@evil.example/x",
        "https://x@fcm.googleapis.com/x",
        "https://fcm.googleapis.com:8443/x",
        "https://[::1/x",
        "https://169.254.169.254/latest",
        f"https://fcm.googleapis.com/{'x' * 1_000}",
    ):
        assert not settings.trusts(wrong), wrong
    monkeypatch.setenv("FIRSTCLAIM_PUSH_PRIVATE_KEY", "not a key")
    with pytest.raises(ConfigError, match="FIRSTCLAIM_PUSH_PRIVATE_KEY_FILE: is set as well"):
        PushSettings.read()
    monkeypatch.delenv("FIRSTCLAIM_PUSH_PRIVATE_KEY_FILE")
    with pytest.raises(ConfigError, match="FIRSTCLAIM_PUSH_PRIVATE_KEY: is not an EC key"):
        _ = PushSettings.read().vapid
