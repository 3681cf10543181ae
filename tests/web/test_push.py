"""N3, N8: a rep hears of an offer with no page open, and chooses how to be told, in a real browser.

Chromium's own push service is not reachable, so the browser's `subscribe` returns the subscription of a push service of
the test. What that service receives and decrypts is delivered to the service worker by the devtools protocol. Debian's
headless shell has no notifications, so these tests need the whole chromium.
"""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser as WebBrowser
from playwright.async_api import async_playwright, expect

from couriers.push.settings import make_key, public_key_of
from runtime.process import free_port, stop_process
from runtime.up import child
from tests.couriers.conftest import CourierProcess
from tests.couriers.push_service import Browser, PushServer, push_server
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually
from tests.web.axe import serious_problems
from tests.web.conftest import CHROMIUM_FLAGS
from tests.web.screens import shot
from tests.web.signed_in import signed_in
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from playwright.async_api import CDPSession, Page, Worker

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow
CHROMIUM: Final = "/usr/bin/chromium"
"""Debian's package chromium."""

NOTE_PERMISSION = """
window.askedFor = [];
PushManager.prototype.subscribe = async function (options) {
  window.askedFor.push(options.applicationServerKey);
  return { toJSON: () => (SUBSCRIPTION) };
};
const ask = Notification.requestPermission;
Notification.requestPermission = () => { window.askedFor.push("permission"); return ask.call(Notification); };
"""


@pytest_asyncio.fixture(loop_scope="session")
async def whole_browser() -> AsyncIterator[WebBrowser]:
    """Yield a browser that has notifications."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield opened
        await opened.close()


class Desk:
    """A console with push messages, the courier, and the push service."""

    def __init__(self, server: PushServer, public_key: str, courier: CourierProcess) -> None:
        self.server, self.public_key, self.courier = server, public_key, courier

    async def until_known(self, browsers: int) -> None:
        """Wait until the courier knows so many browsers: it reads them and the requests from two topics."""

        def is_known() -> bool:
            return f"firstclaim_push_browsers {browsers:.1f}" in self.courier.page("metrics")[1].splitlines()

        await eventually(lambda: asyncio.to_thread(is_known), "the courier knows the browser")


@contextmanager
def desk_of(running_org: RunningOrg, folder: Path) -> Iterator[Desk]:
    """Let the org's people use a console that offers push messages."""
    key = folder / "push-key.pem"
    public_key = public_key_of(make_key(key))
    port = free_port()
    with push_server(folder) as server:
        console = child("console-push", ["console"], running_org.stack.settings, port)
        console.environment = {
            **(console.environment or {}),
            **server.environment(),
            "FIRSTCLAIM_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "FIRSTCLAIM_PUSH_PUBLIC_KEY": public_key,
        }
        console.launch()
        running_org.port = port
        courier = CourierProcess(
            running_org.stack.settings,
            folder / "courier.log",
            {
                **server.environment(),
                "FIRSTCLAIM_PUSH_PRIVATE_KEY_FILE": str(key),
                "FIRSTCLAIM_PUBLIC_URL": f"http://127.0.0.1:{port}",
            },
            channel="push",
        )
        try:
            yield Desk(server, public_key, courier)
        finally:
            stop_process(courier.process, signal.SIGTERM, 30)
            console.stop()


async def _offering_org(running_org: RunningOrg) -> None:
    await running_org.publish(
        "group", "ring", method="round_robin", members=[{"rep_id": "ann"}], claim_window_seconds=900
    )
    await running_org.publish("campaign", "web", group_id="ring", default=True)
    await running_org.until_published("campaign", "web")


async def _page(running_org: RunningOrg, browser: Browser, path: str) -> Page:
    page = await running_org.sign_in("ann", "/account", permissions=["notifications"])
    await page.context.add_init_script(
        NOTE_PERMISSION.replace("SUBSCRIPTION", json.dumps(browser.subscription))
    )
    await page.goto(path)
    await page.wait_for_selector("html[data-ready=yes]")
    return page


COUNTING = """() => {
  self.shown = 0;
  const show = ServiceWorkerRegistration.prototype.showNotification;
  ServiceWorkerRegistration.prototype.showNotification = async function (...given) {
    await show.apply(this, given);
    self.shown += 1;
  };
}"""
"""Counts what the worker has shown. Chromium forgets a notification if it is asked for all while it shows one."""


async def _shown(worker: Worker) -> list[dict[str, Any]]:
    notifications: list[dict[str, Any]] = await worker.evaluate(
        "() => self.registration.getNotifications()"
        ".then((all) => all.map(({ title, body, tag, data }) => ({ title, body, tag, data })))"
    )
    return notifications


async def _deliver(session: CDPSession, origin: str, message: Any) -> None:
    """Deliver a message to the service worker, as the browser does for its push service."""
    registered: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def note(event: dict[str, Any]) -> None:
        for registration in event["registrations"]:
            if (
                registration["scopeURL"].startswith(origin)
                and not registration["isDeleted"]
                and not registered.done()
            ):
                registered.set_result(registration["registrationId"])

    session.on("ServiceWorker.workerRegistrationUpdated", note)
    await session.send("ServiceWorker.enable")
    async with asyncio.timeout(PATIENCE_SECONDS):
        registration = await registered
    await session.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": origin, "registrationId": registration, "data": json.dumps(message["content"])},
    )
    await session.send("ServiceWorker.disable")


async def test_n3_a_rep_hears_of_an_offer_with_no_page_open(
    running_org: RunningOrg, whole_browser: WebBrowser, tmp_path: Path
) -> None:
    running_org.browser = whole_browser
    await running_org.publish("settings", "settings", mail={"names_in_subjects": True})
    await running_org.rep("ann")
    await _offering_org(running_org)
    with desk_of(running_org, tmp_path) as desk:
        await running_org.until_ready()
        await running_org.until_known("ann")
        browser = desk.server.browser(desk.public_key)
        page = await _page(running_org, browser, "/queues/mine")
        question = page.locator("#push-question")
        await expect(question).to_be_hidden()
        await running_org.arrive("P-1", campaign="web", first_name="Jeremy", last_name="Jones")
        await expect(question).to_contain_text("Should this browser show offers to you")
        assert await page.evaluate("window.askedFor") == []
        assert await serious_problems(page) == []
        await question.get_by_role("button", name="Yes, show them").click()
        await until_toast(page, "This browser shows your offers now.")
        assert await page.evaluate("window.askedFor") == ["permission", desk.public_key]
        context, origin = page.context, running_org.url
        [worker] = context.service_workers
        await worker.evaluate(COUNTING)
        await page.goto("about:blank")

        await desk.until_known(1)
        second = await running_org.arrive("P-2", campaign="web", first_name="Mary", last_name="Moe")

        async def arrived(count: int) -> bool:
            return len(await asyncio.to_thread(browser.messages)) >= count

        await eventually(lambda: arrived(1), "the offer reaches the push service")
        session = await context.new_cdp_session(page)
        await _deliver(session, origin, browser.messages()[0])
        await eventually(lambda: worker.evaluate("() => self.shown === 1"), "the notification is shown")
        [shown] = await _shown(worker)
        assert shown["title"] == "New Lead was Distributed to You"
        assert shown["body"].startswith("Mary Moe · web")
        assert shown["data"]["url"] == f"{origin}/leads/{second}"

        opened = await worker.evaluate(
            """async () => {
              const opened = [];
              const kept = self.clients.openWindow;
              Clients.prototype.openWindow = async (url) => { opened.push(url); return null; };
              const [notification] = await self.registration.getNotifications();
              const event = new NotificationEvent("notificationclick", { notification });
              const before = Date.now();
              self.dispatchEvent(event);
              while (opened.length === 0 && Date.now() - before < 60000)
                await new Promise((resolve) => setTimeout(resolve, 20));
              Clients.prototype.openWindow = kept;
              return opened;
            }"""
        )
        assert opened == [f"{origin}/leads/{second}"]
        # Closing goes by the notification's tag: if it came late, it would also close the next one with that tag.
        await eventually(lambda: _has(worker, 0), "the click closes the notification")
        await _deliver(session, origin, browser.messages()[0])
        await eventually(lambda: worker.evaluate("() => self.shown === 2"), "it is shown again")
        assert await _has(worker, 1)

        answer = await running_org.ask("decline", second, "ann", epoch=1)
        assert answer.result == "done"
        await eventually(lambda: arrived(2), "the withdrawal reaches the push service")
        withdrawn = browser.messages()[1]
        assert withdrawn["content"]["withdrawn"] is True
        await _deliver(session, origin, withdrawn)
        await eventually(lambda: _has(worker, 0), "the notification is closed")
        await _taken_in_another_browser(running_org, browser, session, worker)


async def _taken_in_another_browser(
    running_org: RunningOrg, browser: Browser, session: CDPSession, worker: Worker
) -> None:
    """Let the rep take a lead elsewhere, and see this browser close what it shows."""
    lead = await running_org.arrive("P-3", campaign="web", first_name="Ana", last_name="Silva")

    async def arrived(count: int) -> bool:
        return len(await asyncio.to_thread(browser.messages)) >= count

    await eventually(lambda: arrived(3), "the next offer reaches the push service")
    await _deliver(session, running_org.url, browser.messages()[2])
    await eventually(lambda: worker.evaluate("() => self.shown === 3"), "the notification is shown")
    assert (await running_org.ask("accept", lead, "ann", epoch=1)).result == "won"
    await eventually(lambda: arrived(4), "its withdrawal reaches the push service")
    await _deliver(session, running_org.url, browser.messages()[3])
    await eventually(lambda: _has(worker, 0), "the notification is closed")


async def _has(worker: Worker, count: int) -> bool:
    return len(await _shown(worker)) == count


async def test_n3_n8_a_rep_chooses_on_the_page_how_to_be_told(
    running_org: RunningOrg, whole_browser: WebBrowser, tmp_path: Path
) -> None:
    running_org.browser = whole_browser
    await running_org.rep("mia", "admin")
    await running_org.rep("ann", max_open=7)
    with desk_of(running_org, tmp_path) as desk:
        await running_org.until_ready()
        await running_org.until_known("ann")
        browser = desk.server.browser(desk.public_key)
        page = await _page(running_org, browser, "/notifications")
        push = page.locator("[data-push]")
        await expect(push).to_contain_text("Off: this browser shows news only in an open page.")
        assert await serious_problems(page) == []
        await push.get_by_role("button", name="Turn on").click()
        await expect(push).to_contain_text("On: this browser shows your news")
        await page.get_by_label("Leads that are offered to you: Mail").uncheck()
        await page.get_by_label("A promised call is due: Mail").uncheck()
        await page.get_by_label("A promised call is due: Push").uncheck()
        await page.get_by_label("Quiet times").select_option("some")
        await page.get_by_role("button", name="Add hours on Monday").click()
        await shot(page, "notifications")
        await page.get_by_role("button", name="Save").click()
        await until_toast(page, "Saved.")
        async with signed_in(running_org, "mia") as client:
            rep = (await client.get("/api/v1/directory/rep/ann")).json()["value"]
            entries = (await client.get("/api/v1/audit?actor=ann")).json()
        assert rep["notify"] == {
            "offers": ["push", "call"],
            "callbacks": [],
            "quiet_times": [{"days": ["mon"], "from": "09:00", "to": "17:00"}],
        }
        assert (rep["max_open"], rep["role"]) == (7, "rep"), "all else stays"
        assert any(entry["act"] == "published" for entry in entries["entries"])
        await page.reload()
        await page.wait_for_selector("html[data-ready=yes]")
        await expect(page.get_by_label("Leads that are offered to you: Mail")).not_to_be_checked()
        await expect(page.get_by_label("Another inquiry of a lead of yours: Mail")).to_be_checked()
        await expect(page.get_by_label("Monday, from")).to_have_value("09:00")
        await push.get_by_role("button", name="Turn off").click()
        await expect(push).to_contain_text("Off: this browser shows news only in an open page.")
        async with signed_in(running_org, "ann") as client:
            for body, field in (
                ({"endpoint": "https://evil.example/x", "keys": browser.subscription["keys"]}, "endpoint"),
                ({**browser.subscription, "keys": {"p256dh": "AA", "auth": "AA"}}, "keys.p256dh"),
            ):
                body.pop("expirationTime", None)
                answer = await client.put("/api/v1/me/push/browser", json=body)
                assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
                assert answer.json()["detail"].startswith(field)
            wrong = await client.put("/api/v1/me/notify", json={"offers": ["pigeon"]})
            assert wrong.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
            assert "offers" in wrong.text
