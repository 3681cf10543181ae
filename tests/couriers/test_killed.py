"""N1: the courier is killed again and again while the provider refuses a third of the time.

Every offer that is still useful comes. One comes twice only where the courier was killed between the provider's answer
and the record of it: at most one per connection and kill. None comes later than an attempt may take after its end.

`KILL_SECONDS=5 pytest -s` kills it five seconds after each start, whatever it has sent until then.
"""

from __future__ import annotations

import hashlib
import random
import re
import signal
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import pytest

from couriers.channels import chat, mail, push
from couriers.push.settings import make_key, public_key_of
from runtime.process import stop_process
from tests.couriers.chat_server import ChatServer
from tests.couriers.conftest import CourierProcess
from tests.couriers.kills import Accepted, Offers
from tests.couriers.push_service import push_server, subscribes
from tests.fixtures.servers import unique

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage
    from pathlib import Path

    from tests.couriers.conftest import Post
    from tests.couriers.mail_server import MailServer

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

MAILS: Final = 1_000
OTHER_OFFERS: Final = 300
MAILS_A_LIFE: Final = 140
OTHERS_A_LIFE: Final = 60
CONNECTIONS: Final = 4
LEAD: Final = re.compile(r"/leads/([\w-]+)")


@pytest.fixture
def courier_starter(post: Post, tmp_path: Path) -> Iterator[Callable[..., Callable[[], CourierProcess]]]:
    """Yield a function that returns how a channel's courier is started; all are stopped after the test."""
    with ExitStack() as running:

        def starter_of(channel: str, environment: dict[str, str]) -> Callable[[], CourierProcess]:
            def start() -> CourierProcess:
                courier = CourierProcess(
                    post.settings(tmp_path),
                    tmp_path / f"{unique('courier')}.log",
                    environment,
                    *("--instance-id", f"{channel}-1"),
                    channel=channel,
                )
                running.callback(stop_process, courier.process, signal.SIGTERM, 30)
                return courier

            return start

        yield starter_of


def test_n1_a_thousand_mails_through_kills_and_refusals(
    post: Post, server: MailServer, courier_starter: Callable[..., Callable[[], CourierProcess]]
) -> None:
    source = random.Random(14)
    offers, accepted = Offers(post, "email"), list[tuple[str, float]]()

    def refuse(*_: object) -> str | None:
        return "451 4.3.0 Try again later" if offers.is_refused(source, len(accepted)) else None

    server.refuse = refuse
    offers.write(MAILS)
    by_digest = {
        hashlib.sha256(notification_id.encode()).hexdigest()[:40]: notification_id
        for notification_id in offers.ids
    }

    def note(came: EmailMessage) -> None:
        accepted.append((by_digest[str(came["Message-ID"])[1:41]], time.time()))

    server.on_accepted = note
    start = courier_starter("mail", {**server.environment(), "FIRSTCLAIM_SMTP_CONNECTIONS": str(CONNECTIONS)})
    kills = offers.through_kills(start, lambda: list(accepted), every=MAILS_A_LIFE)
    figures = offers.check(
        accepted,
        repeats=kills * CONNECTIONS,
        late_seconds=mail.SEND_SECONDS,
        over=(["withdrawn"], ["sent"]),
    )
    print({"kills": kills, "tried": sum(server.tried.values()), **figures})  # noqa: T201  # a measurement
    assert kills >= offers.least_kills(MAILS_A_LIFE, connections=CONNECTIONS)


def test_n1_n3_chats_through_kills_and_refusals(
    post: Post, courier_starter: Callable[..., Callable[[], CourierProcess]]
) -> None:
    source = random.Random(16)
    offers = Offers(post, "push")
    server = ChatServer(lambda _: offers.is_refused(source, len(accepted())))
    try:
        post.publish("settings", "settings", {"chat": {"services": [{"secret": "sales-floor"}]}})
        offers.write(OTHER_OFFERS)
        by_lead = {notification_id.split("/")[0]: notification_id for notification_id in offers.ids}

        def accepted() -> Accepted:
            matches = [(LEAD.search(message.body["message"]), message.at) for message in server.received]
            return [(by_lead[lead[1]], at) for lead, at in matches if lead and lead[1] in by_lead]

        environment = {
            "FIRSTCLAIM_CHAT_URL_DEFAULT__SALES_FLOOR": f"json://127.0.0.1:{server.port}/sales",
            "FIRSTCLAIM_CHAT_CONNECTIONS": str(CONNECTIONS),
            "FIRSTCLAIM_PUBLIC_URL": "https://console.lender.example",
        }
        kills = offers.through_kills(courier_starter("chat", environment), accepted, every=OTHERS_A_LIFE)
        figures = offers.check(
            accepted(),
            repeats=kills * CONNECTIONS,
            late_seconds=chat.SEND_SECONDS,
            over=(["withdrawn"], ["sent"]),
        )
        print({"kills": kills, **figures})  # noqa: T201  # a measurement
        assert kills >= offers.least_kills(OTHERS_A_LIFE, connections=CONNECTIONS)
    finally:
        server.stop()


def test_n1_n3_push_messages_through_kills_and_refusals(
    post: Post, courier_starter: Callable[..., Callable[[], CourierProcess]], tmp_path: Path
) -> None:
    """A message whose offer was withdrawn is taken back in the browser: nothing of it is shown at the end."""
    source = random.Random(15)
    file = tmp_path / "push-key.pem"
    key = public_key_of(make_key(file))
    offers = Offers(post, "push")
    with push_server(tmp_path) as service:
        browsers = []
        for rep in offers.reps:
            browser = service.browser(key)
            browser.answers(
                *(503 if source.random() < 1 / 3 else 201 for _ in range(OTHER_OFFERS // len(offers.reps)))
            )
            browsers.append(browser)
            subscribes(post, rep, browser.subscription)
        offers.write(OTHER_OFFERS)
        by_tag = {
            hashlib.sha256(notification_id.encode()).hexdigest()[:40]: notification_id
            for notification_id in offers.ids
        }

        def accepted() -> Accepted:
            return [
                (by_tag[message["tag"]], message["at"])
                for message in service.call("received")
                if not message["withdrawn"]
            ]

        environment = {
            **service.environment(),
            "FIRSTCLAIM_PUSH_PRIVATE_KEY_FILE": str(file),
            "FIRSTCLAIM_PUSH_CONNECTIONS": str(CONNECTIONS),
        }
        kills = offers.through_kills(
            courier_starter("push", environment), accepted, every=OTHERS_A_LIFE, limit=service.accept_at_most
        )
        figures = offers.check(
            accepted(),
            repeats=kills * CONNECTIONS,
            late_seconds=push.SEND_SECONDS,
            over=(["withdrawn"], ["sent"], ["sent", "withdrawn"], ["withdrawn", "withdrawn"]),
        )
        fates = post.fates(*offers.withdrawn)
        for browser in browsers:
            last = {message["content"]["tag"]: message["content"] for message in browser.messages()}
            for tag, content in last.items():
                taken_back = fates.get(by_tag[tag], [])[-1:] == ["withdrawn"]
                assert not taken_back or content.get("withdrawn"), "it is still shown"
    print({"kills": kills, **figures})  # noqa: T201  # a measurement
    assert kills >= offers.least_kills(OTHERS_A_LIFE, connections=CONNECTIONS)
