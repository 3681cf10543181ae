"""Measures (`bench pages`) opening, searching and filtering pages with very many leads in a real Chromium, and memory.

The leads arrive like a vendor's, through Kafka and every stage, into one claimable queue (`feed_s`). The times are
medians in milliseconds by the browser's clock:

- `page_open_ms`: from the start of the navigation until the page is ready and the frame with its rows is painted;
- `search_ms`: from a key in the search field until the frame with the rows found is painted, including the pause for
  more typing (100 ms), for a rare and a common name; the slower of the two counts;
- `exceptions_open_ms`, `my_leads_open_ms`: as `page_open_ms`, with all the leads at the exceptions desk (the queue is
  removed, so that no rep and no queue has them) and in the manager's list of all leads;
- `filter_ms`: from choosing a state there until the frame with its rows is painted, including a pause (150 ms) if the
  list has one; the slower of the two pages counts.

`heap_mb`: the memory of the queue's page after garbage collection, at the end, after two rounds of paging, searching,
and leads that come and go. `heap_once_mb`: the same after the first round; `heap_before_mb`: just after opening.
"""

import asyncio
import statistics
import time
from typing import TYPE_CHECKING, Any, Final

from bench.browser import PATIENCE_MS, chromium, open_page
from bench.console_testbed import COMMON, MANAGER, QUEUE_ID, RARE, ConsoleTestbed, make_console_testbed, stack
from bench.testbed import Say, ignore_progress
from models.errors import StartFailed
from web.pages.call_queue import WINDOW

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

    from runtime.up import RunningStack


TURNED: Final = 40
"""Pages of the queue that are turned in each direction."""
CHANGES: Final = 200
"""Leads that arrive, and leads that are claimed, while the page is open, in each round."""
ROUNDS: Final = 2
"""A leak that grows with use would grow by the same amount again in the second round."""
_MIB: Final = 1 << 20

_OPENING: Final = """window.opened = new Promise((resolve) => {
  const look = () => {
    if (document.documentElement?.dataset.ready !== "yes" || !document.querySelector("[data-rows] tr"))
      return void requestAnimationFrame(look);
    const painted = new MessageChannel();
    painted.port1.onmessage = () => resolve(performance.now());
    requestAnimationFrame(() => painted.port2.postMessage(null));
  };
  requestAnimationFrame(look);
})"""
"""A message that is posted in a frame's callback is delivered after the frame is painted."""

_SHOWN: Final = """
  const until = (holds) => new Promise((resolve, reject) => {
    const began = performance.now();
    const look = () => {
      if (holds()) {
        const painted = new MessageChannel();
        painted.port1.onmessage = () => resolve(performance.now() - began);
        return void painted.port2.postMessage(null);
      }
      if (performance.now() - began > patience) return void reject(new Error("what is asked for does not come"));
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  const typed = (field, value) => {
    field.value = value;
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  };
"""

_SEARCH: Final = f"""async ([name, patience]) => {{{_SHOWN}
  const names = () => [...document.querySelectorAll("[data-rows] td:first-child")].map((cell) => cell.textContent);
  const others = () => names().some((one) => !one.includes(name));
  typed(document.getElementById("search"), name);
  const took = await until(() => names().length && !others());
  document.querySelector("form[data-search]").reset();
  await until(others);
  return took;
}}"""

_FILTER: Final = f"""async ([label, value, patience]) => {{{_SHOWN}
  const total = document.querySelector("[data-total]");
  const before = total.textContent;
  typed(document.querySelector(`input[aria-label="${{label}}"]`), value);
  const took = await until(() => total.textContent !== before);
  document.querySelector("[data-reset]").click();
  await until(() => total.textContent === before);
  return took;
}}"""

_TURN: Final = f"""async ([button, patience]) => {{{_SHOWN}
  const range = document.querySelector("[data-range]");
  const before = range.textContent;
  document.querySelector(button).click();
  await until(() => range.textContent !== before);
}}"""


def run(*, leads: int = 100_000, repeats: int = 10, progress: Say = ignore_progress) -> dict[str, Any]:
    """Return {page_open_ms, search_ms, heap_mb, exceptions_open_ms, my_leads_open_ms, filter_ms} and more.

    Raises FirstclaimError if a process fails, the browser is missing, or a page does not show what it must.
    """
    with stack(progress) as running:
        return asyncio.run(_measure(running, leads, repeats, progress))


async def _measure(running: "RunningStack", leads: int, repeats: int, say: Say) -> dict[str, Any]:
    async with make_console_testbed(running) as org, chromium() as browser:
        say(f"taking in {leads:,} leads")
        await org.publish(["rep-0"])
        began = time.monotonic()
        ids = await org.send(leads)
        await org.until_listed(leads)
        figures: dict[str, Any] = {
            "leads": leads,
            "repeats": repeats,
            "feed_s": round(time.monotonic() - began, 1),
        }
        say(f"that took {figures['feed_s']} s; looking at the queue")
        figures |= await _queue(browser, org, ids, repeats, say)
        say("removing the queue: all leads go to the exceptions desk")
        await org.client.publish("queue", QUEUE_ID, None)
        manager, remaining = org.token(MANAGER), org.sent - ROUNDS * _changes(leads)
        await org.until("/api/v1/exceptions?limit=1", manager, lambda page: page["total"] == remaining)
        await org.until("/api/v1/leads?limit=1", manager, lambda page: page["total"] == org.sent)
        filters = []
        for name, path in (("exceptions", "/exceptions"), ("my_leads", "/my-leads")):
            say(f"looking at {path}")
            page = await open_page(browser, org, MANAGER, path, script=_OPENING)
            figures[f"{name}_open_ms"] = await _opening(page, path, repeats)
            arguments = ["Loan amount from", "900000", PATIENCE_MS]
            filters.append(_median([await page.evaluate(_FILTER, arguments) for _ in range(repeats)]))
            await page.context.close()
    return {**figures, "filter_ms": max(filters)}


async def _queue(
    browser: "Browser", org: ConsoleTestbed, ids: list[str], repeats: int, say: Say
) -> dict[str, float]:
    path = f"/queues/{QUEUE_ID}"
    page = await open_page(browser, org, "rep-0", path, script=_OPENING)
    figures = {"page_open_ms": await _opening(page, path, repeats), "heap_before_mb": await _heap(page)}
    searches = [
        _median([await page.evaluate(_SEARCH, [name, PATIENCE_MS]) for _ in range(repeats)])
        for name in (RARE, COMMON)
    ]
    figures["search_ms"] = max(searches)
    changes = _changes(len(ids))
    for n in range(ROUNDS):
        say(f"paging through it, while leads come and go, {n + 1} of {ROUNDS}")
        await _used(page, org, ids[n * changes : (n + 1) * changes], len(ids))
        if n == 0:
            figures["heap_once_mb"] = await _heap(page)
    figures["heap_mb"] = await _heap(page)
    await page.context.close()
    return figures


async def _used(page: "Page", org: ConsoleTestbed, claimed: list[str], size: int) -> None:
    """Page through the queue and back; then as many leads arrive as are claimed, so its size stays the same."""
    for button in ("[data-later]", "[data-earlier]"):
        for _ in range(TURNED):
            if await page.is_visible(button) and await page.is_enabled(button):
                await page.evaluate(_TURN, [button, PATIENCE_MS])
    await org.send(len(claimed))
    await _until_sized(page, size + len(claimed))
    requested = [await org.client.ask("claim", lead_id, "rep-0", queue_id=QUEUE_ID) for lead_id in claimed]
    if failed := [request for request in requested if request.result != "won"]:
        raise StartFailed(
            "worker", f"did not let {len(failed)} of {len(claimed)} claims win: {failed[0].answer}"
        )
    await _until_sized(page, size)
    full = "rows => document.querySelectorAll('[data-rows] tr').length === rows"
    await page.wait_for_function(full, arg=min(size, WINDOW))


def _changes(leads: int) -> int:
    return min(CHANGES, leads // 2 // ROUNDS)


async def _opening(page: "Page", path: str, repeats: int) -> float:
    """Return the median time until a page is open (ms)."""
    times = list[float]()
    for _ in range(repeats):
        answer = await page.goto(path)
        if answer is None or not answer.ok:
            raise StartFailed("console", f"answers {answer.status if answer else 'nothing'} for {path}")
        times.append(await page.evaluate("window.opened"))
    return _median(times)


async def _until_sized(page: "Page", leads: int) -> None:
    has_size = (
        "size => document.querySelector('[data-size]').textContent.startsWith(size.toLocaleString() + ' ')"
    )
    await page.wait_for_function(has_size, arg=leads)


async def _heap(page: "Page") -> float:
    """Return the memory of the page's scripts (MiB), after garbage collection."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("HeapProfiler.collectGarbage")
    used: int = (await devtools.send("Runtime.getHeapUsage"))["usedSize"]
    await devtools.detach()
    return round(used / _MIB, 1)


def _median(times: list[float]) -> float:
    return round(statistics.median(times), 1)
