"""Runs the console process. It serves until a signal stops it, and reports its health."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import ip_address
from typing import Any, Final

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from board.reader import Reader
from couriers.mail.settings import MailSettings
from couriers.push.settings import PushSettings
from models.errors import ConfigError, RetryableError
from models.public import LeadDecision
from rules.queues.rule_book import OVERSEERS
from sink.database_engine import connect
from streams.engine_client import EngineClient
from streams.garbage import keep_imports
from streams.http import Status, serve
from streams.metrics import render
from streams.process_exit import ExitCode, leave
from streams.settings import Settings
from streams.stop_signals import stop_event
from web import metrics
from web.app import build
from web.console_services import Services
from web.errors import forbidden
from web.live.acts import ActedVersions, tell_acts
from web.live.call_tail import CallTail
from web.live.hub import Hub, OpenPage
from web.live.tail import TopicTail
from web.security_headers import Protocol
from web.services.account_mails import AccountMails
from web.services.audit.follower import AuditFollower
from web.services.audit.outbox_sender import AuditOutboxSender
from web.services.audit.recorder import Audit
from web.services.database_probe import PROBE_SECONDS, DatabaseProbe
from web.services.directory_edits.editor import Editor
from web.services.directory_follower import DirectoryFollower
from web.services.exports import Exports
from web.services.hash_pool import HashPool
from web.services.limits import RateLimit
from web.services.operations.operations_services import OperationsParts
from web.services.push_browsers import PushBrowsers
from web.settings import WebSettings
from web.store.accounts import Accounts
from web.store.attempts import Attempts
from web.store.audit import AuditIndex, AuditOutbox
from web.store.drafts import Drafts
from web.store.migrate import upgrade
from web.store.password_links import PasswordLinks
from web.store.preferences import Preferences
from web.store.saved_lists import SavedLists
from web.store.sealing import Seals, vault
from web.store.second_factors import SecondFactors
from web.store.sessions import Sessions
from web.store.tables import VendorFileMappingTable
from web.store.tokens import Tokens
from web.store.vendor_keys import VendorKeys
from web.store.vendor_posts import Mappings, VendorPosts
from web.store.views import CustomViews

log = structlog.get_logger(__name__)

STOP_SECONDS: Final = 3
"""How long requests may take when the console stops. The streams of pages end at once, and browsers reconnect."""


def run(
    settings: Settings,
    web: WebSettings,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    status_port: int | None = None,
) -> None:
    """Run the console until SIGTERM or SIGINT. `port` 0: any free port.

    `status_port`: a second port with `/health`, `/ready` and `/metrics` only, on the address `settings.status_host`.
    A collector on another machine reads it. None: there is no second port.
    """
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    keep_imports()
    uvloop.run(_serve(settings, web, host, port, status_port))


async def _serve(settings: Settings, web: WebSettings, host: str, port: int, status_port: int | None) -> None:
    async with running(settings, web) as app, _status_pages(app, settings, status_port):
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            lifespan="off",
            http=Protocol,
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
            proxy_headers=False,  # web/proxies.py trusts only the proxies of the settings
        )
        server = uvicorn.Server(config)
        stop = stop_event("console")
        serving = asyncio.create_task(server._serve())  # noqa: SLF001  # `serve` would install its own signal handlers
        stopping = asyncio.create_task(stop.wait())
        follows: list[asyncio.Task[None]] = app.state.follows
        await asyncio.wait({serving, stopping, *follows}, return_when=asyncio.FIRST_COMPLETED)
        for task in follows:
            if task.done():  # A follower must not end by itself: pages would show old state.
                if isinstance(error := task.exception(), ConfigError):
                    leave(ExitCode.CONFIG, error.field, error.reason)
                leave(ExitCode.SOFTWARE, "console", f"{task.get_coro()} ended: {task.exception()!r}")
        server.should_exit = True
        app.state.parts.hub.end_pages()
        await serving


@asynccontextmanager
async def running(settings: Settings, web: WebSettings) -> AsyncIterator[FastAPI]:
    """Yield the application with its running followers, and stop them afterwards."""
    keys = await asyncio.to_thread(vault, web)
    await asyncio.to_thread(upgrade, web.console_database_url)
    board, crm, store = (
        Reader.at(settings.redis_url),
        connect(settings.database_url),
        connect(web.console_database_url),
    )
    await asyncio.to_thread(Seals(store).check_and_renew, keys)
    links = PasswordLinks(store)
    hub, outbox, index = Hub(board), AuditOutbox(store), AuditIndex(store)
    audit = Audit(outbox)

    def tell_publication(org: str, kind: str, object_id: str) -> None:
        hub.tell(org, "directory", {"kind": kind}, lambda _: True)
        if kind == "rep":  # whose teams may be others now
            hub.tell(org, "queues", {}, lambda page: page.rep_id == object_id)

    def tell_late(org: str) -> None:
        hub.tell(org, "queues", {}, lambda _: True)

    directory = DirectoryFollower(settings, tell_publication, tell_late)
    acted_versions = ActedVersions()

    def on_answer(answer: LeadDecision) -> None:
        acted_versions.note(answer)
        tell_acts(hub, answer)

    engine_client = EngineClient(settings, on_answer=on_answer)

    def oversees(page: OpenPage) -> bool:
        return directory.org(page.org).role(page.rep_id) in OVERSEERS

    tail = TopicTail(settings, crm, hub, oversees)
    call_tail = CallTail(settings, hub)
    parts = Services(
        settings=settings,
        web=web,
        directory=directory,
        engine_client=engine_client,
        board=board,
        hub=hub,
        accounts=Accounts(store),
        sessions=Sessions(store, hours=web.session_hours, idle_minutes=web.idle_minutes),
        second_factors=SecondFactors(store, keys),
        attempts=Attempts(store),
        audit=audit,
        audit_index=index,
        hashing=HashPool(),
        tokens=Tokens(store, days=web.token_days),
        vendor_keys=VendorKeys(store, keys),
        mappings=Mappings(store),
        file_mappings=Mappings(store, VendorFileMappingTable),
        vendor_posts=VendorPosts(store),
        vendor_limit=RateLimit(web.vendor_posts_per_second, web.vendor_posts_burst),
        preferences=Preferences(store),
        drafts=Drafts(store),
        views=CustomViews(store),
        saved_lists=SavedLists(store),
        store=store,
        crm=crm,
        exports=Exports(connect(settings.database_url, pooled=False)),
        operations=OperationsParts.of(settings, crm, hub, directory.only_org, oversees),
        editor=Editor(directory, settings, crm),
        push_browsers=PushBrowsers(settings, PushSettings.read()),
        password_links=links,
        account_mails=AccountMails(MailSettings.read(), links, web.public_url),
        acted_versions=acted_versions,
        tell_when_stored=tail.tell_when_stored,
    )
    app = build(parts)
    app.state.databases = {"crm_database": DatabaseProbe(crm), "console_database": DatabaseProbe(store)}
    _add_health(app, parts)
    follows = (
        directory.follow(),
        engine_client.run(),
        tail.follow(),
        call_tail.follow(),
        *parts.operations.follows(),
        audit.run(),
        parts.account_mails.run(),
        AuditOutboxSender(settings, audit, outbox).run(),
        AuditFollower(settings, index).run(),
    )
    app.state.follows = tasks = [asyncio.create_task(coroutine) for coroutine in follows]
    try:
        yield app
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await hub.close()
        await board.close()
        parts.hashing.close()
        parts.exports.close()
        crm.dispose()
        store.dispose()


@asynccontextmanager
async def _status_pages(app: FastAPI, settings: Settings, port: int | None) -> AsyncIterator[None]:
    """Serve the status pages on a port of their own, as the other processes do; nothing if `port` is None."""
    if port is None:
        yield
        return
    parts: Services = app.state.parts
    server = await serve(
        port,
        lambda: (True, {}),
        partial(_readiness, parts, app.state.databases),
        partial(_metrics, parts),
        host=settings.status_host,
        option="--status-port",
    )
    try:
        yield
    finally:
        await server.stop()


async def _readiness(parts: Services, databases: Mapping[str, DatabaseProbe]) -> Status:
    """Return whether the console can work, and what it waits for.

    `degraded`: databases that do not answer. Without them claims, offers and live lists go on, so the console is ready.
    """
    missing = []
    if not parts.directory.caught_up:
        missing.append("directory")
    if not parts.engine_client.connected.is_set():
        missing.append("answers")
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await parts.board.newest("default")
    except (RetryableError, TimeoutError):
        missing.append("board")
    answers = await asyncio.gather(*(probe.answers() for probe in databases.values()))
    degraded = [name for name, has_answered in zip(databases, answers, strict=True) if not has_answered]
    return not missing, {"not_ready": missing, **({"degraded": degraded} if degraded else {})}


def _metrics(parts: Services) -> bytes:
    metrics.PAGES.set(parts.hub.open_pages)
    metrics.DIRECTORY_END.set(parts.directory.end)
    return render()


def _add_health(app: FastAPI, parts: Services) -> None:
    @app.get("/health", include_in_schema=False)
    async def health() -> dict[str, Any]:
        return {"ok": True}

    @app.get("/ready", include_in_schema=False)
    async def ready() -> Response:
        ok, details = await _readiness(parts, app.state.databases)
        return JSONResponse({"ok": ok, **details}, 200 if ok else 503)

    @app.get("/metrics", include_in_schema=False)
    async def exposition(request: Request) -> Response:
        through = {"forwarded", "x-forwarded-for"} & set(request.headers.keys())
        if request.client is None or through or not ip_address(request.client.host).is_loopback:
            raise forbidden("on this port metrics are for this machine; name another port by --status-port")
        return Response(_metrics(parts), media_type=CONTENT_TYPE_LATEST)
