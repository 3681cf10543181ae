"""Who gives a lead away reads what became of it, whatever comes first: the answer, the event, or the lead's new state.

The events of the stream and the answers of the server are held back by the page itself, so each order is certain.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.async_api import expect

from tests.web.rows import READY, WORK, open_lead, until_row
from tests.web.test_lead_moves import JONES, move_buttons, open_lender
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import Page, Route

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

# Holds the events about a lead while `holds` is set, notes those that were heard, and counts how often the page asked
# for the lead and how often it has shown it.
NOTES: Final = """
  Object.assign(window, { holds: false, heard: [], asked: 0, drawn: 0 });
  const waiting = [];
  const listen = EventSource.prototype.addEventListener;
  EventSource.prototype.addEventListener = function (name, heard, ...more) {
    const later = (event) => (window.holds ? waiting.push(() => heard(event)) : heard(event));
    return listen.call(this, name, ["leads", "acted"].includes(name) ? later : heard, ...more);
  };
  window.letGo = () => { window.holds = false; for (const event of waiting.splice(0)) event(); };
  for (const name of ["leads", "acted"])
    document.addEventListener(`live:${name}`, ({ detail: { data } }) => {
      for (const lead of [data.leads ?? data.lead_id].flat()) window.heard.push(`${name} ${lead}`);
    });
  const isShown = (address) => String(address).includes("/shown?");
  const get = window.fetch;
  window.fetch = (address, ...more) => {
    if (isShown(address)) window.asked += 1;
    return get(address, ...more);
  };
  const read = Response.prototype.text;
  Response.prototype.text = async function () {
    const text = await read.call(this);
    if (isShown(this.url)) setTimeout(() => { window.drawn += 1; });
    return text;
  };
"""
ORDERS: Final = ("the event before the answer", "the event before the new state", "the event last")


async def until_heard(page: Page, event: str) -> None:
    """Wait until the page has heard an event about a lead."""
    await page.wait_for_function("(event) => window.heard.includes(event)", arg=event)


async def act_in_order(page: Page, order: str, event: str, act: Callable[[], Awaitable[Any]]) -> None:
    """Act on the page that is shown, and let the answer, the new state and the event about the lead come in an order.

    `event`: its name and the lead's id. The event comes last only when the page has said what became of the act.
    """
    requests = await page.evaluate("window.asked")

    async def answer(route: Route) -> None:
        response = await route.fetch()
        await until_heard(page, event)
        await route.fulfill(response=response)

    async def ask(route: Route) -> None:
        await until_heard(page, event)
        await route.continue_()

    if order == ORDERS[0]:
        await page.route("**/actions", answer)
    elif order == ORDERS[1]:
        await page.route("**/shown?*", ask)
    else:
        await page.evaluate("window.holds = true")
    await act()
    if order == ORDERS[2]:
        await page.wait_for_function("(asked) => window.drawn > asked", arg=requests)
        await expect(page.locator(".done, .lead")).to_be_visible()
        await page.evaluate("window.letGo()")
    await until_heard(page, event)
    await page.wait_for_function(
        "(asked) => window.asked > asked && window.drawn === window.asked", arg=requests
    )
    await page.unroute_all(behavior="wait")


async def give_to_bob(page: Page) -> None:
    """Fill in the dialog of a reassignment, and send it."""
    await move_buttons(page).filter(has_text="Reassign …").click()
    await page.locator("#move [data-reps] label", has_text="Bob").locator("input").check()
    await page.get_by_label("Reason", exact=True).fill("I am away")
    await page.locator("#move [data-ok]").click()


async def test_m1_who_gives_the_lead_away_reads_who_has_it(running_org: RunningOrg) -> None:
    """In each order with a lead of its own, so that no event of an earlier act counts for a later one."""
    leads = [await open_lender(running_org, owners_may_reassign=True)]
    leads += [await running_org.arrive(f"A-{n}", campaign="west", **JONES) for n in range(1, len(ORDERS))]
    ann = await running_org.sign_in("ann", f"/leads/{leads[0]}", script=NOTES)
    for lead, order in zip(leads, ORDERS, strict=True):
        await running_org.until_stored(lead)
        if lead != leads[0]:
            await ann.goto(f"/leads/{lead}")
        await ann.wait_for_selector(f"{READY} .lead")
        await check_moves(running_org, ann, lead, order)


async def check_moves(running_org: RunningOrg, ann: Page, lead: str, order: str) -> None:
    """Let Ann give the lead to Bob, and Mia give it back, and check what both read."""
    await act_in_order(ann, order, f"leads {lead}", lambda: give_to_bob(ann))
    await expect(ann.locator(".done")).to_contain_text("Jeremy Jones")
    await expect(ann.locator(".done [role=status]")).to_have_text("Bob has the lead now.")
    await expect(ann.locator(".unseen")).to_have_count(0)
    # Somebody gives it back: the page shows the lead again, and says no longer that Bob has it.
    mia = await running_org.sign_in("mia", f"/leads/{lead}", script=NOTES)
    await mia.wait_for_selector(f"{READY} .lead")
    await move_buttons(mia).filter(has_text="Reassign …").click()
    await mia.locator("#move [data-reps] label", has_text="Ann").locator("input").check()
    await mia.get_by_label("Reason", exact=True).fill("she is back")
    await act_in_order(mia, order, f"leads {lead}", mia.locator("#move [data-ok]").click)
    await until_toast(mia, "Ann has the lead now.")
    await expect(mia.locator(".standing")).to_contain_text("Ann got it from its former owner")
    await expect(ann.locator(".standing")).to_contain_text("Ann got it from its former owner")
    await expect(ann.locator(".done")).to_have_count(0)
    await mia.context.close()


async def test_d3_d4_who_leaves_a_lead_of_a_work_queue_reads_what_became_of_it(
    running_org: RunningOrg,
) -> None:
    """Each act in each order has a lead of its own, so that no event of an earlier act counts for a later one."""
    await running_org.rep("rep-1")
    await running_org.publish("queue", "work", **WORK)
    names = [
        f"{act} {order}" for order in ("First", "Second", "Third") for act in ("Release", "Close", "Call")
    ]
    leads = [
        await running_org.arrive(f"W-{n}", last_name=name, loan_amount=n) for n, name in enumerate(names)
    ]
    page = await running_org.sign_in("rep-1", "/queues/work", script=NOTES)
    acts = (
        (page.get_by_role("button", name="Release"), "Released. The lead is back in its queues."),
        (page.get_by_role("button", name="closed lost"), "Recorded: closed lost."),
        (page.get_by_role("button", name="Call Back"), "The lead is at the end of the queue."),
    )
    steps = [(order, button, text) for order in ORDERS for button, text in acts]
    for lead, name, (order, button, text) in zip(leads, names, steps, strict=True):
        await page.goto("/queues/work")
        await until_row(page, lead)
        await open_lead(page, lead)
        await page.get_by_label("Open the next lead afterwards").uncheck()
        await act_in_order(page, order, f"acted {lead}", button.click)
        await expect(page.locator(".done [role=status]")).to_have_text(text)
        await expect(page.locator(".done h1")).to_have_text(name)
        await expect(page.locator(".unseen")).to_have_count(0)


@pytest.mark.parametrize("who", ["a rep, while the database is behind", "a manager, who still sees it"])
async def test_d2_a_reload_while_a_release_has_no_answer_does_not_open_the_lead_again(
    running_org: RunningOrg, who: str
) -> None:
    """The release is sent again with its id. The page then shows the lead as it does without a reload."""
    is_rep = who.startswith("a rep")
    await running_org.rep("rep-1", "rep" if is_rep else "manager")
    await running_org.rep("rep-2")
    await running_org.publish("queue", "work", **WORK)
    lead = await running_org.arrive("A-1", last_name="Jones")
    page = await running_org.sign_in("rep-1", "/queues/work")
    await until_row(page, lead)
    await open_lead(page, lead)
    await expect(page.locator(".lock")).to_contain_text("You have the lead open")
    await page.get_by_label("Open the next lead afterwards").uncheck()
    opened_html = await (await page.request.get(f"/leads/{lead}/shown")).text()
    sent = asyncio.Event()

    async def lose(route: Route) -> None:
        sent.set()
        await route.abort()

    async def be_behind(route: Route) -> None:
        await route.fulfill(body=opened_html, content_type="text/html")

    await page.route("**/actions", lose)
    await page.get_by_role("button", name="Release").click()
    await sent.wait()
    if is_rep:
        await page.route("**/shown?*", be_behind)
    await page.reload(wait_until="commit")
    # Not before: the page sends the release again after a quarter of a second.
    await page.unroute("**/actions")
    await page.wait_for_selector(READY)
    text = "Released. The lead is back in its queues."
    await until_toast(page, text)
    await page.unroute_all(behavior="wait")
    if is_rep:
        await expect(page.locator(".done [role=status]")).to_have_text(text)
    else:
        await expect(page.locator(".lead")).to_be_visible()
        await expect(page.locator(".lock")).to_have_count(0)
    opened = (await running_org.ask("view", lead, "rep-2")).answer
    assert opened is not None
    assert (opened.result, opened.why) == ("done", None), "nobody had it open"
