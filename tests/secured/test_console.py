"""A rep signs in at a console that runs on a secured Kafka, and claims a lead by HTTP."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import tempfile
import uuid
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.fetch import FetchRequest

from assurance.load.client import LoadClient
from sink.database_engine import connect
from streams import clients
from streams.topics import LEAD_DECISIONS
from tests.fixtures.waiting import until
from tests.secured.leads import lead, letter_of, letter_seen, row, until_in_database
from tests.secured.stack import SECONDS, Secured
from tests.secured.tls import SecuredByTls
from web.settings import WebSettings
from web.store.account import Account
from web.store.accounts import Accounts

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD: Final = "correct horse battery"  # noqa: S105  # of an account that lives as long as the test
ORG: Final = "web"
REP: Final = Account(email="rep-1@web.example", org=ORG, rep_id="rep-1", role="rep")
BOSS: Final = Account(email="boss@web.example", org=ORG, rep_id="boss", role="admin")
NEW: Final[dict[str, Any]] = {"name": "New", "claimable": True, "columns": ["state"]}


@pytest.fixture(scope="module", params=["SASL_SSL", "SASL_PLAINTEXT"])
def running(request: pytest.FixtureRequest) -> Iterator[Secured]:
    """Yield the servers and all processes, connected by each protocol in turn.

    The stack of this module comes before that of the room, which stays: two at once would both use the processor.
    """
    if request.param == "SASL_PLAINTEXT":
        yield request.getfixturevalue("secured")
        return
    folder = Path(tempfile.mkdtemp(prefix="firstclaim-secured-"))
    stack = SecuredByTls(folder)
    try:
        stack.start()
        stack.launch()
        yield stack
    finally:
        stack.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_rep_signs_in_and_claims_a_lead_by_http(running: Secured) -> None:
    async def publish() -> None:
        async with LoadClient(running.user("firstclaim-operator"), org=ORG) as client:
            await client.publish("rep", "rep-1", {"rep_id": "rep-1", "name": "One"})
            await client.publish("queue", "new", {"queue_id": "new", **NEW})

    asyncio.run(publish())
    engine = connect(WebSettings.read(state_dir=running.folder).console_database_url)
    Accounts(engine).put(REP, PASSWORD)
    engine.dispose()
    external_id, value = lead(org=ORG, state="RI")
    assert running.send("vendor-acme", "lead-arrivals", value) == ""
    lead_id = until_in_database(running, external_id)
    url = (running.children["console"].ready_url or "").removesuffix("/ready")
    headers = {"accept": "application/json", "idempotency-key": str(uuid.uuid4())}
    with httpx.Client(base_url=url, headers=headers, timeout=SECONDS) as browser:
        credentials = {"email": REP.email, "password": PASSWORD}
        assert until(
            lambda: browser.post("/api/v1/session", json=credentials).status_code == HTTPStatus.CREATED,
            SECONDS,
        )
        browser.headers["x-csrf-token"] = browser.post("/api/v1/session", json=credentials).json()["csrf"]
        assert until(lambda: lead_id in browser.get("/api/v1/queues/new/leads").text, SECONDS)
        won = browser.post(f"/api/v1/leads/{lead_id}/claims", json={"queue_id": "new"})
        assert (won.status_code, won.json()["result"]) == (HTTPStatus.OK, "won"), won.text
        assert until(lambda: lead_id in browser.get("/api/v1/queues/mine/leads").text, SECONDS)
    assert until(lambda: (row(running, external_id) or ("", None))[1] == "rep-1", SECONDS)


def test_an_admin_erases_a_person_by_http(running: Secured) -> None:
    """The console may delete dead letters, write the others anew, and write the receipt."""

    async def publish() -> None:
        async with LoadClient(running.user("firstclaim-operator"), org=ORG) as client:
            await client.publish("rep", "boss", {"rep_id": "boss", "name": "Boss", "role": "admin"})

    asyncio.run(publish())
    engine = connect(WebSettings.read(state_dir=running.folder).console_database_url)
    Accounts(engine).put(BOSS, PASSWORD)
    engine.dispose()
    phone = f"+1401419{uuid.uuid4().int % 10_000:04d}"
    external_id, value = lead(org=ORG, phone=phone)
    assert running.send("vendor-acme", "lead-arrivals", value) == ""
    lead_id = until_in_database(running, external_id)
    erased_letter = f'{{"org": "{ORG}", "phone": "{phone}"}}'.encode()
    other_letter = f'{{"org": "{ORG}", "phone": "{uuid.uuid4()}"}}'.encode()
    for letter in (erased_letter, other_letter):
        assert running.send("vendor-acme", "lead-arrivals", letter) == ""
        letter_of(running, letter)
    url = (running.children["console"].ready_url or "").removesuffix("/ready")
    with httpx.Client(base_url=url, headers={"accept": "application/json"}, timeout=SECONDS) as browser:
        credentials = {"email": BOSS.email, "password": PASSWORD}
        assert until(
            lambda: browser.post("/api/v1/session", json=credentials).status_code == HTTPStatus.CREATED,
            SECONDS,
        )
        browser.headers["x-csrf-token"] = browser.post("/api/v1/session", json=credentials).json()["csrf"]
        erasure = {"person": phone, "leads": 1, "confirm": "erase"}
        erased = browser.post("/api/v1/erasures", json=erasure)
        assert erased.status_code == HTTPStatus.CREATED, erased.text
        assert erased.json()["leads"] == [lead_id]
        assert erased.json()["places"]["dead-letters"] == 1
        # It may also send a letter again, and mark it.
        letters = "/api/v1/operations/dead-letters"
        assert until(lambda: len(browser.get(letters).json()) == 1, SECONDS)
        (remaining,) = browser.get(letters).json()
        sent = browser.post(f"{letters}/{remaining['place']}/replay")
        assert sent.status_code == HTTPStatus.OK, sent.text
        assert until(lambda: len(browser.get(letters).json()) == 2, SECONDS)  # it was refused again
    marked = running.command("dead-letters", "list", "--json").last_line["letters"]
    assert [listed["mark"]["by"] for listed in marked if listed["place"] == remaining["place"]] == ["boss"]
    assert letter_seen(running, other_letter)
    assert not letter_seen(running, erased_letter)
    checked = running.command("verify")
    assert "refusal_lost" not in checked.out, "the person's letter may be missing"


def test_the_processes_use_the_protocol_and_a_stranger_to_the_ca_is_refused(running: Secured) -> None:
    """Without the CA's certificate a client does not talk to the broker at all."""
    settings = running.user("firstclaim-operator")
    result = running.command("topics", settings=settings)
    assert result.code == 0, result.out + result.err
    if settings.kafka_security_protocol != "SASL_SSL":
        return
    host, port = settings.kafka_bootstrap_servers.split(":")

    async def handshake(context: ssl.SSLContext) -> str:
        _, writer = await asyncio.open_connection(host, int(port), ssl=context)
        version: str = writer.get_extra_info("ssl_object").version()
        writer.close()
        return version

    context = settings.ssl_context
    assert context is not None
    assert asyncio.run(handshake(context)) in ("TLSv1.2", "TLSv1.3")
    with pytest.raises(ssl.SSLCertVerificationError):
        asyncio.run(handshake(ssl.create_default_context()))
    refused = running.command("topics", settings=settings.model_copy(update={"kafka_ssl_cafile": None}))
    assert refused.code != 0


def test_a_consumer_stops_while_the_broker_holds_its_fetch(
    running: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With TLS, asyncio waits for the broker to end the connection, and the broker reads nothing meanwhile."""
    monkeypatch.setattr("asyncio.constants.SSL_SHUTDOWN_TIMEOUT", 3_600.0)

    async def stop() -> None:
        fetching = asyncio.Event()
        send = AIOKafkaClient.send

        async def noted(client: AIOKafkaClient, node_id: int, request: Any, **options: Any) -> Any:
            sending = asyncio.ensure_future(send(client, node_id, request, **options))
            await asyncio.sleep(0)
            if isinstance(request, FetchRequest):
                fetching.set()
            return await sending

        monkeypatch.setattr(AIOKafkaClient, "send", noted)
        settings = running.user("firstclaim-operator")
        consumer = clients.consumer(settings, LEAD_DECISIONS, fetch_max_wait_ms=3_600_000)
        await consumer.start()
        async with asyncio.timeout(SECONDS):
            await fetching.wait()
            await consumer.stop()

    asyncio.run(stop())
