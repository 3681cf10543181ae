"""N3, N8: an org's chats get what its reps get as push messages; addresses never are in the directory."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from couriers.chat.settings import ChatSettings
from models.errors import ConfigError
from runtime.process import stop_process
from tests.couriers.chat_server import ChatServer
from tests.couriers.conftest import CourierProcess
from tests.fixtures.servers import unique
from tests.fixtures.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.couriers.conftest import Post


@pytest.fixture(scope="module")
def chats() -> Iterator[ChatServer]:
    """Yield the server."""
    server = ChatServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def courier(post: Post, chats: ChatServer, server_folder: Path) -> Iterator[CourierProcess]:
    """Yield a courier that knows a webhook by its environment and a topic of ntfy by a file."""
    folder = server_folder / "chat-secrets"
    (folder / "default").mkdir(parents=True)
    (folder / "default" / "ann-phone").write_text(f"ntfy://127.0.0.1:{chats.port}/ann-secret-topic\n")
    running = CourierProcess(
        post.settings(server_folder),
        server_folder / "chat-courier.log",
        {
            "FIRSTCLAIM_CHAT_SECRETS": str(folder),
            "FIRSTCLAIM_CHAT_URL_DEFAULT__SALES_FLOOR": f"json://127.0.0.1:{chats.port}/sales",
            "FIRSTCLAIM_PUBLIC_URL": "https://console.lender.example",
        },
        channel="chat",
    )
    yield running
    stop_process(running.process, signal.SIGTERM, 30)


@pytest.mark.kafka
@pytest.mark.slow
def test_n3_chats_get_the_news_that_they_want(post: Post, chats: ChatServer, courier: CourierProcess) -> None:
    ann, bob = unique("ann"), unique("bob")
    post.rep(ann)
    post.rep(bob, name="Bob Ray")
    before = post.request(bob, unique("lead"), kind="push")
    assert until(lambda: post.all_have_fates(before)), courier.log.read_text()[-3000:]
    [without_chat] = post.deliveries(before)
    assert (without_chat["channel"], without_chat["status"]) == ("chat", "withdrawn")
    assert without_chat["detail"] == "org default has no chat for this"
    services = [
        {"secret": "sales-floor", "templates": ["lead_offered"]},
        {"secret": "ann-phone", "reps": [ann]},
        {"secret": "forgotten", "reps": [ann]},
    ]
    post.publish("settings", "settings", {"chat": {"services": services}})

    def settings_are_known() -> bool:
        identity = post.request(bob, unique("lead"), kind="push")
        assert until(lambda: post.all_have_fates(identity))
        return post.fates(identity)[identity] == ["sent"]

    assert until(settings_are_known)
    sales = chats.messages("/sales")[-1]
    assert sales["title"] == "Bob Ray: New Lead was Distributed to You"
    assert sales["message"].startswith("Team Source\nuntil ")
    assert "https://console.lender.example/leads/" in sales["message"]
    assert "Sequential" not in str(chats.received), "names only where the org wants them"

    chats.received.clear()
    refusals = iter([True, True])
    chats.refuses = lambda path: path == "/" and next(refusals, False)  # ntfy gets its messages at the root
    offer = post.request(ann, unique("lead"), kind="push")
    assigned = post.request(ann, unique("lead"), kind="push", template="lead_assigned", seconds=None)
    assert until(lambda: post.all_have_fates(offer, assigned)), courier.log.read_text()[-3000:]
    assert post.deliveries(offer)[0]["detail"] == "2 of 3 chats; no address of forgotten"
    assert post.deliveries(assigned)[0]["detail"] == "1 of 2 chats; no address of forgotten"
    assert len(chats.messages("/sales")) == 1, "a retry for one chat repeats nothing in another one"
    assert [message["topic"] for message in chats.messages("/")] == ["ann-secret-topic"] * 2
    topic = "".join(str(record.value()) for record in post.records("directory"))
    assert "ann-secret-topic" not in topic
    assert "ann-secret-topic" not in courier.log.read_text()


def test_n8_an_org_finds_only_its_own_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTCLAIM_CHAT_SECRETS", str(tmp_path))
    monkeypatch.setenv("FIRSTCLAIM_CHAT_URL_ORG_A__SALES", "json://a")
    (tmp_path / "org-a").mkdir()
    (tmp_path / "org-a" / "team").write_text("json://team\n")
    (tmp_path / "outside").write_text("json://outside")
    settings = ChatSettings.read()
    assert settings.address("org-a", "sales") == "json://a"
    assert settings.address("org-a", "team") == "json://team"
    for org, name in (
        ("org_a", "sales"),
        ("org--a", "sales"),
        ("org-b", "sales"),
        ("org-b", "team"),
        ("..", "outside"),
        (".", "outside"),
        ("org-a", "../outside"),
        ("", "outside"),
    ):
        assert settings.address(org, name) is None, (org, name)
    (tmp_path / "org-a" / "empty").write_text("")
    with pytest.raises(ConfigError, match="FIRSTCLAIM_CHAT_SECRETS"):
        settings.address("org-a", "empty")
