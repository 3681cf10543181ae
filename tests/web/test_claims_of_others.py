"""A row goes from other pages while its lead is being claimed, and comes back if it is not claimed (Q9, Q4)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.async_api import expect

from tests.fixtures.waiting import PATIENCE_SECONDS, eventually
from tests.web.rows import row, until_no_row, until_row
from tests.web.running_org import NEW
from tests.web.test_fresh_assignments import until_in_queue
from web.live import claims_on_their_way, claims_told
from web.live.claims_on_their_way import ClaimOnItsWay
from web.live.claims_told import ClaimsTold
from web.schemas import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import httpx
    from playwright.async_api import Page

    from runtime.up import RunningStack
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

ANSWER: Final = {
    "action_id": "a",
    "lead_id": "l",
    "rep_id": "rep-2",
    "type": "claim",
    "reason": None,
    "owner": "rep-2",
    "version": 1,
    "why": None,
}
HIDDEN_MS: Final = 2_000
"""The bound in web/static/js/claims-of-others.js."""
HEAR_CLAIMS: Final = """() => {
  window.heard = [];
  document.addEventListener("live:claiming", (event) => window.heard.push(event.detail.data.lead_id));
}"""


@contextmanager
def relay_stopped(stack: RunningStack) -> Iterator[None]:
    """Stop the process that tells what the engine decided. So a claim that is sent meanwhile has no answer."""
    pid = stack.children["relay"].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def publish_queue_with_lead(running_org: RunningOrg, *reps: str, **queue: Any) -> str:
    """Publish reps and a claimable queue with one lead; return the lead."""
    for rep_id in reps:
        await running_org.rep(rep_id)
    await running_org.publish("queue", "new", **{**NEW, **queue})
    lead = await running_org.arrive(
        "A-1", first_name="Ana", last_name="Silva", state="RI", loan_amount=300_000
    )
    async with await running_org.program("rep-1") as program:
        await until_in_queue(program, "new", lead)
    return lead


async def open_queue_page(running_org: RunningOrg, lead: str) -> Page:
    """Return rep-1's page with the queue, once its stream of changes is open: it shows a lead that came later."""
    page = await running_org.sign_in("rep-1", "/queues/new")
    await until_row(page, lead)
    later = await running_org.arrive("A-later", first_name="Bo", last_name="Reed", loan_amount=100_000)
    await until_row(page, later)
    return page


async def claim(client: httpx.AsyncClient, lead: str) -> dict[str, Any]:
    """Claim a lead from the queue; return the answer."""
    answer = await client.post(f"/api/v1/leads/{lead}/claims", json={"queue_id": "new"})
    assert answer.status_code == 200, answer.text
    reply: dict[str, Any] = answer.json()
    return reply


async def test_q9_a_row_goes_before_the_engine_has_decided(running_org: RunningOrg) -> None:
    lead = await publish_queue_with_lead(running_org, "rep-1", "rep-2")
    page = await open_queue_page(running_org, lead)
    async with await running_org.program("rep-2") as program:
        with relay_stopped(running_org.stack):
            claiming = asyncio.create_task(claim(program, lead))
            await until_no_row(page, lead)
            assert not claiming.done()
        assert (await claiming)["result"] == "won"
    await expect(page.locator("[data-size]").first).to_have_text("1 lead")
    await expect(row(page, lead)).to_have_count(0)


async def test_q9_a_row_comes_back_when_nothing_is_heard_of_its_claim(running_org: RunningOrg) -> None:
    lead = await publish_queue_with_lead(running_org, "rep-1", "rep-2")
    page = await open_queue_page(running_org, lead)
    await page.clock.install()
    await page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    async with await running_org.program("rep-2") as program:
        with relay_stopped(running_org.stack):
            claiming = asyncio.create_task(claim(program, lead))
            await until_no_row(page, lead)
            await page.clock.run_for(HIDDEN_MS)
            await until_row(page, lead)
        assert (await claiming)["result"] == "won"
    await until_no_row(page, lead)


async def test_q9_a_claim_that_is_sent_again_without_an_answer_hides_its_row_once(
    running_org: RunningOrg,
) -> None:
    """While the engine is away, pages send their claims again and again. The row would hardly be there."""
    await running_org.rep("rep-3")
    lead = await publish_queue_with_lead(running_org, "rep-1", "rep-2")
    page = await open_queue_page(running_org, lead)
    other_lead = await running_org.arrive(
        "A-2", first_name="Bo", last_name="Ng", state="RI", loan_amount=200_000
    )
    await until_row(page, other_lead)
    await page.evaluate(HEAR_CLAIMS)
    claimers = await running_org.sign_in("rep-2", "/queues/new")
    await until_row(claimers, lead)
    async with await running_org.program("rep-3") as program:
        with relay_stopped(running_org.stack):
            await row(claimers, lead).get_by_role("button").click()
            await until_no_row(page, lead)
            await until_row(page, lead)
            async with claimers.expect_request(f"**/leads/{lead}/claims"):
                await claimers.reload()
            claiming = asyncio.create_task(claim(program, other_lead))
            await page.wait_for_function("other => window.heard.includes(other)", arg=other_lead)
            assert await page.evaluate("window.heard") == [lead, other_lead]
            await until_row(page, lead)
        assert (await claiming)["result"] == "won"
    await expect(claimers.get_by_role("heading", name="Congratulations")).to_be_visible()
    await until_no_row(page, lead)


async def test_q9_a_refused_claim_gives_the_row_back(running_org: RunningOrg) -> None:
    """M6: rep-2 has no licence for the lead's state, so the engine refuses the claim."""
    await running_org.rep("rep-2", licensed_states=["MA"])
    lead = await publish_queue_with_lead(running_org, "rep-1")
    await running_org.until_published("rep", "rep-2")
    page = await open_queue_page(running_org, lead)
    await page.evaluate(
        """() => {
          window.heard = [];
          document.addEventListener("live:claiming", (event) => window.heard.push(event.detail.data.over));
        }"""
    )
    async with await running_org.program("rep-2") as program:
        with relay_stopped(running_org.stack):
            claiming = asyncio.create_task(claim(program, lead))
            await until_no_row(page, lead)
        assert (await claiming)["result"] == "refused"
    await page.wait_for_function("() => window.heard.length === 2")
    assert await page.evaluate("window.heard") == [False, True]
    await until_row(page, lead)


async def test_q4_only_who_sees_the_queue_hears_of_its_claims(running_org: RunningOrg) -> None:
    """The claimer's own pages do not hear of it either: they show what became of the claim."""
    for rep_id, team in (("rep-1", "west"), ("rep-2", "west"), ("rep-3", "east")):
        await running_org.rep(rep_id, teams=[team])
    lead = await publish_queue_with_lead(running_org, teams=["west"])
    await running_org.until_read()
    lines_by_rep: dict[str, list[str]] = {}

    async def listen(rep_id: str, opened: asyncio.Event) -> None:
        async with (
            await running_org.program(rep_id) as program,
            program.stream("GET", "/api/v1/live", timeout=PATIENCE_SECONDS) as stream,
        ):
            async for line in stream.aiter_lines():
                opened.set()
                lines_by_rep.setdefault(rep_id, []).append(line)
                # The lead's own change, or the beat of a stream without one, comes after what was said of the claim.
                if any('"left"' in heard for heard in lines_by_rep[rep_id]) or (
                    claimed.is_set() and "beat" in line
                ):
                    return

    claimed = asyncio.Event()
    opened = {rep_id: asyncio.Event() for rep_id in ("rep-1", "rep-2", "rep-3")}
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        for rep_id, is_open in opened.items():
            group.create_task(listen(rep_id, is_open))
        for is_open in opened.values():
            await is_open.wait()
        async with await running_org.program("rep-2") as program:
            with relay_stopped(running_org.stack):
                claiming = asyncio.create_task(claim(program, lead))
                await eventually(
                    lambda: "event: claiming" in lines_by_rep["rep-1"], "rep-1 hears of the claim"
                )
            assert (await claiming)["result"] == "won"
        claimed.set()
    at = lines_by_rep["rep-1"].index("event: claiming")
    claim_event = json.loads(lines_by_rep["rep-1"][at + 1].removeprefix("data: "))
    assert claim_event == {"queue_id": "new", "lead_id": lead, "over": False}
    assert "event: claiming" not in lines_by_rep["rep-2"]
    assert "event: claiming" not in lines_by_rep["rep-3"]
    assert not any(lead in line for line in lines_by_rep["rep-3"])


STREAM: Final = """
window.EventSource = class extends EventSource {
  constructor(address) { super(address); window.stream = this; }
};
"""
"""Lets a test say what a page's stream says."""
TELL: Final = """([event, data, lastEventId]) => window.stream.dispatchEvent(
  new MessageEvent(event, { data: JSON.stringify(data), lastEventId }))"""


async def opened_with_stream(running_org: RunningOrg, lead: str) -> Page:
    """Open the queue on a page with `STREAM`, whose clock stands still."""
    page = await running_org.sign_in("rep-1", "/queues/new", script=STREAM)
    await until_row(page, lead)
    await page.clock.install()
    await page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    return page


async def test_q9_a_change_that_the_list_has_already_shows_the_row_of_a_claim(
    running_org: RunningOrg,
) -> None:
    """A page that read its list again gets changes from before it. One ends the claim, and changes nothing else."""
    lead = await publish_queue_with_lead(running_org, "rep-1")
    page = await opened_with_stream(running_org, lead)
    await page.evaluate(TELL, ["claiming", {"queue_id": "new", "lead_id": lead, "over": False}, ""])
    await until_no_row(page, lead)
    entered = {"change": "entered", "queue_id": "new", "lead_id": lead, "rank": 0, "was": None, "size": 1}
    await page.evaluate(TELL, ["list", {**entered, "version": 1, "columns": {}}, "1-0"])
    await until_row(page, lead)


async def test_x4_a_claim_that_is_sent_again_after_its_answer_hides_no_row(running_org: RunningOrg) -> None:
    """Its lead may be in the queue again. It would keep the row from everybody, and decide nothing."""
    lead = await publish_queue_with_lead(running_org, "rep-1", "rep-2")
    page = await open_queue_page(running_org, lead)
    await page.evaluate(HEAR_CLAIMS)
    other_lead = await running_org.arrive(
        "A-2", first_name="Bo", last_name="Ng", state="RI", loan_amount=200_000
    )
    await until_row(page, other_lead)
    async with await running_org.program("rep-2") as program:
        for _ in range(2):
            answer = await program.post(
                f"/api/v1/leads/{lead}/claims",
                json={"queue_id": "new"},
                headers={"Idempotency-Key": "the first"},
            )
            assert answer.json()["result"] == "won"
        assert (await claim(program, other_lead))["result"] == "won"
    await page.wait_for_function("other => window.heard.includes(other)", arg=other_lead)
    assert await page.evaluate("window.heard") == [lead, other_lead]


@pytest.mark.parametrize(("ago", "took_lead"), [(timedelta(0), True), (timedelta(minutes=1), False)])
def test_x4_an_answer_of_an_earlier_request_took_no_lead_now(ago: timedelta, *, took_lead: bool) -> None:
    """This console need not know it any more: the engine keeps it for longer."""
    claim = ClaimOnItsWay()
    claim.answer = Answer.model_validate({**ANSWER, "result": "won", "decided_at": datetime.now(UTC) - ago})
    assert claim.took_lead is took_lead


@pytest.mark.parametrize(
    ("result", "head_start", "over_flags"),
    [("refused", 60.0, []), ("won", 60.0, [False]), ("lost", 60.0, [False]), ("refused", 0.0, [False, True])],
)
async def test_q9_what_is_decided_within_the_head_start_is_told_once_or_not_at_all(
    result: str, head_start: float, over_flags: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims_on_their_way, "HEAD_START_SECONDS", head_start)
    services = ConsoleServices()
    with services.claim("rep-1") as claim:
        await asyncio.sleep(0.01)  # a head start of 0 is over at the next turn of the loop
        claim.answer = answered(result)
    assert services.over_flags == over_flags


class ConsoleServices:
    """The services of a console, which note of each message about a claim of one lead whether it is over."""

    def __init__(self) -> None:
        self.over_flags: list[bool] = []
        self.claims_told = ClaimsTold()
        queue = SimpleNamespace(queue=SimpleNamespace(queue_id="new", claimable=True))
        self.directory = SimpleNamespace(org=lambda _: SimpleNamespace(queues={"new": queue}))
        self.hub = SimpleNamespace(
            tell_list=lambda *arguments, **_: self.over_flags.append(arguments[3]["over"])
        )

    def claim(self, rep_id: str) -> AbstractContextManager[ClaimOnItsWay]:
        """Claim the lead."""
        services: Any = self
        person: Any = SimpleNamespace(org="default", rep_id=rep_id, may_see=lambda *_: True)
        return claims_on_their_way.claim_on_its_way(services, person, "lead", "new", is_answered=False)


def answered(result: str) -> Answer:
    """Return an answer of now."""
    return Answer.model_validate({**ANSWER, "result": result, "decided_at": datetime.now(UTC)})


async def test_q9_a_row_stays_away_while_one_of_two_claims_has_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(claims_on_their_way, "HEAD_START_SECONDS", 0.0)
    services = ConsoleServices()
    with services.claim("rep-1") as first_claim:
        await asyncio.sleep(0.01)
        with services.claim("rep-2") as second_claim:
            await asyncio.sleep(0.01)
            second_claim.answer = answered("refused")
        assert services.over_flags == [False]
        first_claim.answer = answered("refused")
    assert services.over_flags == [False, True]
    # All are answered, so the next claim is told again.
    with services.claim("rep-2") as second_claim:
        await asyncio.sleep(0.01)
        second_claim.answer = answered("won")
    assert services.over_flags == [False, True, False]


async def test_q9_claims_without_an_answer_are_told_again_after_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(claims_on_their_way, "HEAD_START_SECONDS", 0.0)
    services = ConsoleServices()
    for again_seconds, over_flags in ((60.0, [False, True]), (60.0, [True]), (0.0, [False, True])):
        monkeypatch.setattr(claims_told, "AGAIN_SECONDS", again_seconds)
        services.over_flags.clear()
        with services.claim("rep-1"):
            await asyncio.sleep(0.01)
        assert services.over_flags == over_flags


def test_leads_whose_claims_were_told_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims_told, "MAX_LEADS", 2)
    claims = ClaimsTold()
    are_told = [claims.begin(("default", "new", lead)) for lead in ("a", "b", "a", "c", "b", "a")]
    assert are_told == [True, True, False, True, False, True]
