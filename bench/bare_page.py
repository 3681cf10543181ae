"""Serves a bare page to compare the call queue's page with: a table, a POST for each claim, one SSE line per change.

It does the least that a claim in a page needs. A POST waits for Kafka's two hops, with one message in flight each: a
claim is written to one topic, a reader of it writes the answer to another topic, and the POST is answered when that is
read. The line that removes the row goes to all pages as soon as the POST arrives, so it waits for no Kafka.
"""

import asyncio
import json
import uuid
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final, Self

from aiohttp import web
from aiokafka.admin import NewTopic

from bench.browser import PATIENCE_MS, bare
from models.errors import StartFailed
from streams import clients
from streams.settings import Settings

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

ANSWER_SECONDS: Final = 30.0
"""A claim that is not answered within this time has failed."""

_PAGE: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Bare</title>
<body><p id="said"></p><table><tbody>%s</tbody></table><script>
window.gone = {};
new EventSource("/events").onmessage = ({ data }) => {
  document.getElementById(data)?.remove();
  window.gone[data] = performance.timeOrigin + performance.now();
};
window.claim = async (patience) => {
  const clock = () => performance.timeOrigin + performance.now();
  const row = document.querySelector("tr");
  const lead = row.id;
  const at = clock();
  const answer = await fetch("/claim/" + lead, { method: "POST", signal: AbortSignal.timeout(patience) });
  document.getElementById("said").textContent = await answer.text();
  return { lead, at, answered: clock(), said: document.getElementById("said").textContent };
};
</script></body></html>"""
_CLAIM: Final = "(patience) => window.claim(patience)"


class BarePages:
    """The bare page's server, on a free port of this machine."""

    def __init__(self, settings: Settings, rows: int) -> None:
        self._settings = settings
        self._page = _PAGE % "".join(f'<tr id="r{n}"><td>Lead {n}</td></tr>' for n in range(rows))
        self._topics = [f"bench-bare-{name}-{uuid.uuid4().hex[:8]}" for name in ("claims", "answers")]
        self._streams: list[asyncio.Queue[str]] = []
        self._followed = asyncio.Condition()
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._open = AsyncExitStack()
        self.url = ""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            admin = await stack.enter_async_context(clients.started_client(clients.admin(self._settings)))
            await admin.create_topics([NewTopic(name, 1, 1) for name in self._topics])
            stack.push_async_callback(self._remove)
            producer = clients.producer(self._settings, idempotent=False)
            self._producer = await stack.enter_async_context(clients.started_client(producer))
            for topic, take in zip(self._topics, (self._decide, self._answer), strict=True):
                consumer = clients.consumer(self._settings, topic, reset="earliest")
                await stack.enter_async_context(clients.started_client(consumer))
                task = asyncio.create_task(_handle_each(consumer, take))
                stack.push_async_callback(_cancelled, task)
            app = web.Application()
            app.add_routes(
                [
                    web.get("/", self._show),
                    web.get("/events", self._events),
                    web.post("/claim/{row}", self._claim),
                ]
            )
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._open = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def until_followed(self, pages: int) -> None:
        """Wait until this many pages have their stream open."""
        async with asyncio.timeout(ANSWER_SECONDS), self._followed:
            await self._followed.wait_for(lambda: len(self._streams) >= pages)

    async def _remove(self) -> None:
        async with clients.started_client(clients.admin(self._settings)) as admin:
            await admin.delete_topics(self._topics)

    async def _show(self, _: web.Request) -> web.Response:
        return web.Response(text=self._page, content_type="text/html")

    async def _events(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await answer.prepare(request)
        lines: asyncio.Queue[str] = asyncio.Queue()
        async with self._followed:
            self._streams.append(lines)
            self._followed.notify_all()
        while True:
            await answer.write(f"data: {await lines.get()}\n\n".encode())

    async def _claim(self, request: web.Request) -> web.Response:
        row = request.match_info["row"]
        for lines in self._streams:
            lines.put_nowait(row)
        future = self._waiting[row] = asyncio.get_running_loop().create_future()
        await self._producer.send(self._topics[0], json.dumps({"claim": row}).encode())
        async with asyncio.timeout(ANSWER_SECONDS):
            await future
        return web.Response(text="Congratulations")

    async def _decide(self, value: bytes) -> None:
        await self._producer.send(self._topics[1], value)

    async def _answer(self, value: bytes) -> None:
        self._waiting.pop(json.loads(value)["claim"]).set_result(None)


async def _handle_each(consumer: Any, take: Any) -> None:
    async for record in consumer:
        await take(record.value)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def measure(
    browser: "Browser", settings: Settings, *, claims: int, pages: int, warm: int
) -> tuple[list[float], list[float]]:
    """Return how long each counted claim took in ms: until each other page's row was gone, and until its answer.

    Raises StartFailed if a claim is not answered.
    """
    async with BarePages(settings, warm + claims) as server:
        opened = [await bare(browser, server.url) for _ in range(pages)]
        await server.until_followed(pages)
        first, *others = opened
        results = [await first.evaluate(_CLAIM, PATIENCE_MS) for _ in range(warm + claims)]
        if failed := [result for result in results if result["said"] != "Congratulations"]:
            raise StartFailed(
                "bare page", f"did not answer {len(failed)} of {len(results)} claims: {failed[0]['said']}"
            )
        gone_at = [await _times_until_gone(page, [result["lead"] for result in results]) for page in others]
        for page in opened:
            await page.context.close()
    counted = results[warm:]
    return (
        [times[claim["lead"]] - claim["at"] for times in gone_at for claim in counted],
        [claim["answered"] - claim["at"] for claim in counted],
    )


async def _times_until_gone(page: "Page", rows: list[str]) -> dict[str, float]:
    await page.wait_for_function("rows => rows.every((row) => row in window.gone)", arg=rows)
    times: dict[str, float] = await page.evaluate("window.gone")
    return times
