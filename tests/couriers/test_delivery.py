"""N1: requests become mails, each with its fate, through refusals, outages, kills and withdrawals."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.servers import unique
from tests.fixtures.waiting import PATIENCE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.couriers.conftest import CourierProcess, Post
    from tests.couriers.mail_server import MailServer

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_n1_each_request_becomes_one_mail_and_has_its_fate(
    post: Post, server: MailServer, start_courier: Callable[..., CourierProcess]
) -> None:
    """Over TLS with a sign-in, with records of other kinds, repeats, and bytes that are no request in between."""
    rep, lead = unique("rep"), unique("lead")
    address = post.rep(rep)
    unknown_rep, rep_with_bad_address, second = unique("rep"), unique("rep"), unique("lead")
    post.rep(unknown_rep, active=False)
    post.rep(rep_with_bad_address, email=None)
    post.write("notifications", lead, b"\xff not JSON")
    email = post.request(rep, lead)
    post.request(rep, lead)  # a repeat
    push = post.request(rep, lead, kind="push")
    failing = [post.request(unknown_rep, second), post.request(rep_with_bad_address, second)]
    expired = post.request(rep, second, seconds=-60)
    courier = start_courier()
    assert until(lambda: post.all_have_fates(email, expired, *failing)), courier.log.read_text()
    assert post.fates(email, expired, push, *failing) == {
        email: ["sent"],
        expired: ["failed"],
        push: [],
        **{identity: ["failed"] for identity in failing},
    }
    assert [mail["Subject"] for mail in server.for_rep(address)] == ["New Lead was Distributed to You"]
    [sent] = post.deliveries(email)
    assert (
        sent.items()
        >= {
            "channel": "email",
            "provider": f"127.0.0.1:{server.port}",
            "detail": "Queued as 1",
            "lead_id": lead,
            "rep_id": rep,
            "org": "default",
        }.items()
    )
    assert (server.encrypted, server.sign_ins) == ({True}, [True])
    letters = {record.value(): dict(record.headers()) for record in post.records("dead-letters")}
    assert letters[b"\xff not JSON"]["failed-stage"] == b"courier"
    courier.wait_ready()
    assert (
        'firstclaim_courier_deliveries_total{channel="email",status="sent"} 1.0' in courier.page("metrics")[1]
    )


def test_n1_what_is_over_is_withdrawn_and_not_sent(
    post: Post, server: MailServer, start_courier: Callable[..., CourierProcess]
) -> None:
    """The server greylists: the first attempt is refused for now. In between, one of the two offers ends."""
    rep, open_lead, ended_lead = unique("rep"), unique("lead"), unique("lead")
    post.rep(rep)
    attempts: set[str] = set()
    open_again = False

    def refuse(_: str, attempt: int) -> str | None:
        attempts.add(str(attempt))
        return None if open_again else "451 4.7.1 Greylisted, come back later"

    server.refuse = refuse
    start_courier().wait_ready()
    ids = [post.request(rep, open_lead), post.request(rep, ended_lead)]
    assert until(lambda: len(attempts) >= 2)
    post.request(rep, ended_lead, withdrawn=True)
    assert until(lambda: post.all_have_fates(ids[1]))
    open_again = True
    assert until(lambda: post.all_have_fates(*ids))
    assert post.fates(*ids) == {ids[0]: ["sent"], ids[1]: ["withdrawn"]}
    assert len(server.accepted) == 1


def test_n1_an_address_that_is_refused_for_good_is_not_tried_again(
    post: Post, server: MailServer, start_courier: Callable[..., CourierProcess]
) -> None:
    unknown, fine, lead = unique("rep"), unique("rep"), unique("lead")
    address = post.rep(unknown)
    post.rep(fine)
    server.refuse = lambda to, _: "550 5.1.1 No such user here" if to == address else None
    start_courier()
    ids = [post.request(unknown, lead), post.request(fine, lead)]
    assert until(lambda: post.all_have_fates(*ids))
    assert post.fates(*ids) == {ids[0]: ["bounced"], ids[1]: ["sent"]}
    assert post.deliveries(ids[0])[0]["detail"] == "550 5.1.1 No such user here"
    assert server.tried[address] == 1


def test_n1_an_address_that_the_server_cannot_take_holds_up_no_other_mail(
    post: Post, server: MailServer, start_courier: Callable[..., CourierProcess]
) -> None:
    """Many servers have no SMTPUTF8. They take a domain as punycode, and no letters beyond ASCII before the @."""
    server.stop()
    server.unicode = False
    server.start()
    domain, local, fine, lead = unique("rep"), unique("rep"), unique("rep"), unique("lead")
    post.rep(domain, email=f"{domain}@m\u00fcnchen.example")
    post.rep(local, email="j\u00f6rg@lender.example")
    post.rep(fine)
    start_courier()
    ids = [post.request(recipient, lead) for recipient in (local, domain, fine)]
    assert until(lambda: post.all_have_fates(*ids))
    assert post.fates(*ids) == dict(zip(ids, (["failed"], ["sent"], ["sent"]), strict=True))
    assert "SMTPUTF8" in post.deliveries(ids[0])[0]["detail"]
    assert sorted(mail["To"] for mail in server.accepted) == sorted(
        (f"{domain}@xn--mnchen-3ya.example", f"{fine}@lender.example")
    )


def test_n1_requests_wait_while_the_server_is_down_and_come_once_it_answers(
    post: Post, server: MailServer, start_courier: Callable[..., CourierProcess]
) -> None:
    """One request ends while the server is away: it is given up, with the reason."""
    rep, lead, short = unique("rep"), unique("lead"), unique("lead")
    post.rep(rep)
    courier = start_courier()
    courier.wait_ready()
    server.stop()
    ids = [post.request(rep, lead), post.request(rep, short, seconds=3)]
    assert until(lambda: courier.page("ready")[0] == 503)
    reasons = json.loads(courier.page("ready")[1])["reasons"]
    assert [reason["what"] for reason in reasons] == ["provider"]
    assert until(lambda: post.all_have_fates(ids[1]))
    server.start()
    assert until(lambda: post.all_have_fates(*ids))
    assert post.fates(*ids) == {ids[0]: ["sent"], ids[1]: ["failed"]}
    assert "it is useless since" in post.deliveries(ids[1])[0]["detail"]
    courier.wait_ready()


def test_n1_a_killed_courier_goes_on_and_repeats_nothing_that_has_a_fate(
    post: Post, server: MailServer, start_courier: Callable[..., CourierProcess]
) -> None:
    """A request that waits keeps the position back. The later ones have fates and are not sent a second time."""
    slow, fast = unique("rep"), unique("rep")
    waiting = post.rep(slow)
    address = post.rep(fast)
    server.refuse = lambda to, _: "450 4.2.0 Mailbox busy" if to == waiting else None
    killed = start_courier("--instance-id", "mail-1")
    held_ids = [post.request(slow, lead) for lead in ("held-1", "held-2", "held-3")]
    done_ids = [post.request(fast, f"lead-{n}") for n in range(20)]
    assert until(lambda: post.all_have_fates(*done_ids))
    killed.kill()
    server.refuse = lambda *_: None
    again = start_courier("--instance-id", "mail-1")
    more = post.request(fast, unique("lead"))
    assert until(lambda: post.all_have_fates(*held_ids, more)), again.log.read_text()
    assert post.fates(*held_ids, *done_ids, more) == {
        identity: ["sent"] for identity in (*held_ids, *done_ids, more)
    }
    assert len(server.for_rep(address)) == 21
    assert len({mail["Message-ID"] for mail in server.accepted}) == len(server.accepted) == 24


def test_n1_a_courier_that_is_stopped_finishes_what_it_sends(
    post: Post, server: MailServer, start_courier: Callable[..., CourierProcess]
) -> None:
    rep = unique("rep")
    address = post.rep(rep)
    courier = start_courier()
    courier.wait_ready()
    ids = [post.request(rep, f"{rep}-{n}") for n in range(40)]
    assert until(lambda: len(server.for_rep(address)) > 3)
    courier.process.send_signal(signal.SIGTERM)
    assert courier.process.wait(PATIENCE_SECONDS) == 0, courier.log.read_text()
    start_courier()
    assert until(lambda: post.all_have_fates(*ids))
    assert post.fates(*ids) == {identity: ["sent"] for identity in ids}
    assert len(server.for_rep(address)) == 40
