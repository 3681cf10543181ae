"""Measures (`bench live --browser`) how long a claimed lead's row stays in other reps' real browsers (Q9).

Everything runs on this machine: Kafka, Valkey, all stages, the console, and one Chromium with all the pages. Each page
is signed in as another rep and has the same claimable queue open. One page claims lead after lead, as a person does:
Claim this Lead, Return to Call Queue. Two times are measured from the click on Claim this Lead: until a
MutationObserver of another page sees that the row is removed or has become an empty gap, over all claims and pages
(`row_gone`); and until the claimer's page shows that the claim was won (`answer`). They are milliseconds by the
machine's clock.

`row_gone` is also told in two parts: from the click until the page hears that the lead is being claimed (`to_page`:
console and browser), and from there until the row is gone (`in_page`). Two further times are of the decided claim: from
the click until the board has the change (`to_board`: console, Kafka, intake, lead machine, relay and board), and until
the page gets it (`confirmed`). The board's time is the id of the feed's entry, in whole milliseconds.
`answer` is told in two parts: until the browser has the console's response (`to_answer`), and from there until the page
shows it (`answer_in_page`), while all the other pages remove their rows on the same processors.
"""

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

from bench import bare_page
from bench.browser import PATIENCE_MS, chromium, open_page
from bench.console_testbed import QUEUE_ID, make_console_testbed, percentiles, stack
from bench.testbed import Say, ignore_progress
from models.errors import StartFailed

if TYPE_CHECKING:
    from playwright.async_api import Page

    from runtime.up import RunningStack


SPREAD: Final = 7
"""The next lead to claim is this many rows further on, so that rows disappear from all parts of what is laid out."""

_WATCH: Final = """() => {
  window.gone = {};
  new MutationObserver((changes) => {
    const at = performance.timeOrigin + performance.now();
    for (const change of changes) {
      if (change.type === "attributes" && !change.target.dataset.lead) window.gone[change.oldValue] ??= at;
      for (const node of change.removedNodes)
        if (node.dataset?.lead && !node.isConnected) window.gone[node.dataset.lead] ??= at;
    }
  }).observe(document.querySelector("[data-rows]"), {
    attributeFilter: ["data-lead"],
    attributeOldValue: true,
    childList: true,
    subtree: true,
  });
}"""
"""A row is gone when it is removed, or when it has become a gap, which shows, reads out and does nothing."""

_HEAR: Final = """
window.heard = {};
const add = EventSource.prototype.addEventListener;
EventSource.prototype.addEventListener = function (name, handle, ...options) {
  const hear = (event) => {
    const at = performance.timeOrigin + performance.now();
    const { change, queue_id, lead_id } = JSON.parse(event.data);
    if (queue_id === QUEUE && (name === "claiming" || change === "left")) {
      const heard = (window.heard[lead_id] ??= { at });
      if (change === "left") Object.assign(heard, { left: at, board: parseInt(event.lastEventId, 10) });
    }
    handle(event);
  };
  return add.call(this, name, name === "list" || name === "claiming" ? hear : handle, ...options);
};
"""
"""It runs before the page's own scripts, and notes when it first heard of each claim, when each `left` entry came and
when the board wrote it."""

_CLAIM: Final = """async ([place, patience]) => {
  const clock = () => performance.timeOrigin + performance.now();
  const rows = [...document.querySelectorAll("[data-rows] tr[data-lead]")].filter((one) => one.checkVisibility());
  const row = rows[place % rows.length];
  performance.clearResourceTimings(); // a browser keeps the times of 250 requests, and notes no more
  const { lead } = row.dataset; // a row that has gone names none
  const at = clock();
  row.querySelector("button").click();
  const card = document.getElementById("answer");
  const title = () => card.querySelector("h2")?.textContent ?? "Claiming";
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no answer")), patience);
    const look = (_, watch) => {
      if (title().startsWith("Claiming")) return;
      watch.disconnect();
      clearTimeout(timer);
      resolve();
    };
    new MutationObserver(look).observe(card, { childList: true });
  });
  const answered = clock();
  const said = title();
  card.querySelector("button").click();
  const claims = new URL(`/api/v1/leads/${lead}/claims`, location).href;
  const [received] = performance.getEntriesByName(claims);
  return { lead, at, received: performance.timeOrigin + received.responseEnd, answered, said };
}"""


def run(
    *, claims: int = 200, pages: int = 20, leads: int = 2_000, warm: int = 10, progress: Say = ignore_progress
) -> dict[str, Any]:
    """Return {row_gone_p50_ms, row_gone_p95_ms}, the same of its parts, `answer`, `bare`, `bare_answer`, and the sizes.

    `bare`, `bare_answer`: the same two times of a bare page (`bench.bare_page`) in the same browser, directly after.
    `ratio_bare_p95`, `ratio_answer_p95`: how many times longer the call queue's page takes.

    `leads`: the number of leads in the queue; `warm`: claims before those that count. Raises FirstclaimError if a
    process fails, the browser is missing, a claim is not won, or a page keeps a row.
    """
    if leads < claims + warm:
        raise StartFailed("bench live", f"{leads} leads are too few for {claims} claims")
    with stack(progress) as running:
        figures = asyncio.run(_measure(running, claims, pages, leads, warm, progress))
    return {**figures, "claims": claims, "pages": pages, "leads": leads}


async def _measure(
    running: "RunningStack", claims: int, pages: int, leads: int, warm: int, say: Say
) -> dict[str, float]:
    async with make_console_testbed(running) as org, chromium() as browser:
        reps = [f"rep-{n}" for n in range(pages)]
        await org.publish(reps)
        await org.send(leads)
        await org.until_listed(leads)
        say(f"opening {pages} pages")
        hear = _HEAR.replace("QUEUE", json.dumps(QUEUE_ID))
        path = f"/queues/{QUEUE_ID}"
        first, *others = [await open_page(browser, org, rep_id, path, script=hear) for rep_id in reps]
        for page in others:
            await page.evaluate(_WATCH)
        say(f"claiming {claims} leads in one of them")
        results = [await first.evaluate(_CLAIM, [n * SPREAD, PATIENCE_MS]) for n in range(warm + claims)]
        if failed := [result for result in results if not result["said"].startswith("Congratulations")]:
            raise StartFailed(
                "console", f"said of {len(failed)} of {len(results)} claims: {failed[0]['said']}"
            )
        gone_at = [await _times_until_gone(page, [result["lead"] for result in results]) for page in others]
        page_events = [await page.evaluate("window.heard") for page in others]
        for page in (first, *others):
            await page.context.close()
        say(f"claiming {claims} rows of a bare page, with {pages} pages")
        bare, bare_answers = await bare_page.measure(
            browser, running.settings, claims=claims, pages=pages, warm=warm
        )
    counted = results[warm:]
    times = [gone_times[claim["lead"]] - claim["at"] for gone_times in gone_at for claim in counted]
    answers = [claim["answered"] - claim["at"] for claim in counted]
    received = [claim["received"] - claim["at"] for claim in counted]
    shown = [claim["answered"] - claim["received"] for claim in counted]
    parts = [
        (
            event["at"] - claim["at"],
            gone_times[claim["lead"]] - event["at"],
            event["board"] - claim["at"],
            event["left"] - claim["at"],
        )
        for gone_times, events in zip(gone_at, page_events, strict=True)
        for claim in counted
        if "left" in (event := events.get(claim["lead"], {}))  # not if the page read its list again instead
    ]
    if not parts:
        raise StartFailed("console", "removed rows from pages without telling them")
    to_page, in_page, to_board, confirmed = zip(*parts, strict=True)
    figures = {
        **percentiles("row_gone", times),
        **percentiles("to_page", to_page),
        **percentiles("in_page", in_page),
        **percentiles("to_board", to_board),
        **percentiles("confirmed", confirmed),
        **percentiles("answer", answers),
        **percentiles("to_answer", received),
        **percentiles("answer_in_page", shown),
        **percentiles("bare", bare),
        **percentiles("bare_answer", bare_answers),
    }
    figures["ratio_bare_p95"] = round(figures["row_gone_p95_ms"] / figures["bare_p95_ms"], 2)
    figures["ratio_answer_p95"] = round(figures["answer_p95_ms"] / figures["bare_answer_p95_ms"], 2)
    return figures


async def _times_until_gone(page: "Page", leads: list[str]) -> dict[str, float]:
    """Wait until all rows are gone from a page, and return the time of each."""
    await page.wait_for_function("leads => leads.every((lead) => lead in window.gone)", arg=leads)
    times: dict[str, float] = await page.evaluate("window.gone")
    return times
