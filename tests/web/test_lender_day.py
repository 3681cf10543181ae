"""A day at a lender with 40 leads and three browsers; after each step it is right (M1, M2, M5, M6, M7).

The round robin is off, so number one gets every lead that she has a licence for. The manager deals them out, one rep
leaves with promised calls, the vendor completes leads, an admin adds a licence, and the manager moves single leads.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.fixtures.waiting import eventually
from tests.web.rows import READY, row, until_no_row, until_row
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    import httpx
    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

LICENCES = {"ann": ["MA", "RI"], "bob": ["MA"], "cyd": ["RI"]}
KNOWN_STATES = ["RI"] * 14 + ["MA"] * 16
"""The states of the leads that arrive complete."""
LATER = ["RI"] * 5 + ["TX"] * 5
"""The states that the vendor sends later. Nobody has a licence for Texas in the morning."""


async def open_lender(running_org: RunningOrg) -> None:
    """Open the lender: three reps with licences, the manager Mia and the admin Ada, and number one gets every lead."""
    await running_org.publish("settings", "settings", round_robin=False)
    await running_org.rep("mia", "manager")
    await running_org.rep("ada", "admin")
    for rep_id, states in LICENCES.items():
        await running_org.rep(rep_id, licensed_states=states)
    members = [{"rep_id": rep_id} for rep_id in LICENCES]
    await running_org.publish("group", "west", name="West", method="round_robin", members=members)
    await running_org.publish("campaign", "west", name="West", group_id="west")
    for kind, object_id in (("campaign", "west"), ("rep", "cyd"), ("settings", "settings")):
        await running_org.until_published(kind, object_id)
    await running_org.until_known("mia")


async def facts_of(program: httpx.AsyncClient, lead: str) -> dict[str, Any]:
    """Return a lead as the API shows it."""
    answer: dict[str, Any] = (await program.get(f"/api/v1/leads/{lead}")).json()
    return answer


async def owners(program: httpx.AsyncClient) -> dict[str, str]:
    """Return lead id -> owner, of all leads that the API lists with an owner."""
    rows = (await program.get("/api/v1/leads?limit=100")).json()["rows"]
    return {row["lead_id"]: row["owner"] for row in rows if row["owner"]}


async def until_counted(program: httpx.AsyncClient, **expected: int) -> dict[str, str]:
    """Wait until each rep owns as many leads as wanted, and nobody else any; return lead id -> owner."""
    owner_by_lead: dict[str, str] = {}

    async def counted() -> bool:
        owner_by_lead.clear()
        owner_by_lead.update(await owners(program))
        return dict(Counter(owner_by_lead.values())) == expected

    await eventually(counted, f"the reps own {expected}")
    return owner_by_lead


async def check_lead_page(mia: Page, lead: str, standing: str, history: str) -> None:
    """Check what the manager reads on the lead's page: who has it and how, and what happened to it."""
    await mia.goto(f"/leads/{lead}")
    await mia.wait_for_selector(f"{READY} .lead")
    await expect(mia.locator(".standing")).to_contain_text(standing)
    await expect(mia.locator(".lead-history")).to_contain_text(history)


async def test_m1_m2_m5_m6_m7_a_day_at_a_lender(running_org: RunningOrg) -> None:  # noqa: PLR0915  # one scenario
    await open_lender(running_org)
    broker = await running_org.program("mia")
    mia = await running_org.sign_in("mia", "/my-leads")
    bob = await running_org.sign_in("bob", "/queues/mine")
    cyd = await running_org.sign_in("cyd", "/queues/mine")

    # In the morning 40 leads arrive. Number one gets the 30 whose state is known; ten wait.
    complete = [
        await running_org.arrive(
            f"L-{n}", first_name="Lee", last_name=f"Number{n}", state=state, campaign="west"
        )
        for n, state in enumerate(KNOWN_STATES)
    ]
    waiting = [
        await running_org.arrive(f"W-{n}", first_name="Wes", last_name=f"Waits{n}", campaign="west")
        for n in range(len(LATER))
    ]
    await until_counted(broker, ann=30)
    await check_lead_page(
        mia, complete[0], "Ann got it as number one on the roster", "number one on the roster"
    )
    await mia.goto("/exceptions")
    for lead in waiting:
        await until_row(mia, lead)

    # The manager deals out all that Ann has, evenly and by licence. Each rep is told in one notice.
    await mia.goto("/directory/reps/ann")
    await mia.get_by_role("button", name="Move all leads of Ann …").click()
    for name in ("Bob", "Cyd"):
        await mia.locator("#move label", has_text=name).locator("input").check()
    await mia.get_by_label("Split by licence").check()
    await mia.get_by_label("Reason", exact=True).fill("to share the morning")
    await mia.locator("#move [data-ok]").click()
    await expect(mia.locator("#confirm")).to_contain_text("30 leads will move: Bob 16, Cyd 14.")
    await mia.locator("#confirm [data-ok]").click()
    await expect(mia.locator("#many [data-status]")).to_have_text("30 moved. Bob 16, Cyd 14.")
    shared = await until_counted(broker, bob=16, cyd=14)
    assert {complete.index(lead) < 14 for lead, rep_id in shared.items() if rep_id == "cyd"} == {True}
    await expect(bob.locator("#moves li")).to_contain_text("Mia gave you 16 leads, which were Ann's.")
    await expect(cyd.locator("#moves li")).to_contain_text("Mia gave you 14 leads, which were Ann's.")
    await check_lead_page(mia, complete[0], "Cyd got it from its former owner", "to share the morning")

    # Bob promises two calls, and leaves at noon. Nobody has his leads; the promises are kept.
    promised = complete[14:16]
    at = datetime.now(UTC) + timedelta(days=1)
    bobs = await running_org.program("bob")
    for lead in promised:
        action = {"type": "callback", "at": at.isoformat(timespec="seconds")}
        answer = (await bobs.post(f"/api/v1/leads/{lead}/actions", json=action)).json()
        assert answer["result"] == "done", answer
    await running_org.publish("rep", "bob", name="Bob", active=False, licensed_states=["MA"])
    await until_counted(broker, cyd=14)
    await check_lead_page(
        mia, promised[0], "nobody owns the lead", "Bob no longer owns it; nobody owns it now"
    )
    # The manager has them distributed again: Ann is the only rep with a licence in Massachusetts.
    redistribution = {
        "which": {"leads": complete[14:]},
        "do": {"type": "redistribute", "why": "Bob has left"},
    }
    answer = await broker.post("/api/v1/leads/actions", json=redistribution)
    assert answer.status_code == 200, answer.text
    await until_counted(broker, ann=16, cyd=14)
    for lead in promised:
        facts = await facts_of(broker, lead)
        assert datetime.fromisoformat(facts["callback_at"]) == at.replace(microsecond=0), facts
    await check_lead_page(
        mia, promised[0], "Ann got it as number one on the roster", "redistributed by Mia: Bob has left"
    )

    # The vendor completes the ten leads. Five are Ann's at once; for the others nobody has a licence.
    for n, state in enumerate(LATER):
        await running_org.arrive(
            f"W-{n}", first_name="Wes", last_name=f"Waits{n}", state=state, campaign="west"
        )
    await until_counted(broker, ann=21, cyd=14)
    await mia.goto("/exceptions")
    for lead in waiting[:5]:
        await until_no_row(mia, lead)
    for lead in waiting[5:]:
        await until_row(mia, lead)
    await row(mia, waiting[5]).get_by_role("button", name="Why").click()
    await expect(mia.locator("body")).to_contain_text("Cyd: not licensed in TX")

    # An admin adds a licence. The waiting leads are distributed without anybody's touch.
    ada = await running_org.sign_in("ada", "/directory/reps/cyd")
    await ada.get_by_label("TX", exact=True).check()
    await ada.get_by_role("button", name="Review changes").click()
    await ada.locator("#review").get_by_role("button", name="Publish", exact=True).click()
    await until_toast(ada, "Published. It applies from now on")
    await until_counted(broker, ann=21, cyd=19)
    for lead in waiting[5:]:
        await until_row(cyd, lead)
    await check_lead_page(mia, waiting[5], "Cyd got it as number one on the roster", "Cyd got it")

    # Cyd closes one, and the manager reopens it. It is Cyd's again.
    closing = complete[1]
    cyds = await running_org.program("cyd")
    answer = (
        await cyds.post(
            f"/api/v1/leads/{closing}/actions", json={"type": "outcome", "outcome": "closed_lost"}
        )
    ).json()
    assert answer["result"] == "done", answer
    await until_no_row(cyd, closing)
    await check_lead_page(mia, closing, "Closed", "Closed: closed lost")
    await mia.get_by_role("button", name="Reopen …").click()
    await mia.get_by_label("Reason", exact=True).fill("she called again")
    await mia.locator("#move [data-ok]").click()
    await until_row(cyd, closing)
    await check_lead_page(mia, closing, "Cyd got it", "reopened by Mia: she called again")

    # The manager corrects another one: its resend by the vendor does not undo that.
    corrected = complete[2]
    await check_lead_page(mia, corrected, "Cyd got it", "Cyd got it")
    await mia.get_by_role("button", name="Correct …").click()
    await mia.locator("#correct").get_by_label("Loan amount").fill("$320,000")
    await mia.locator("#correct").get_by_label("Why").fill("he told me")
    await mia.locator("#correct").get_by_role("button", name="Correct").click()
    await expect(mia.locator(".versions summary")).to_have_text("Corrected once")
    await running_org.arrive(
        "L-2", first_name="Lee", last_name="Number2", state="RI", campaign="west", loan_amount=100_000
    )
    await running_org.arrive(
        "L-3", first_name="Lee", last_name="Number3", state="RI", campaign="west", loan_amount=7
    )

    async def resent() -> bool:
        return bool((await facts_of(broker, complete[3]))["facts"].get("loan_amount") == 7)

    await eventually(resent, "the later resend was read")
    assert (await facts_of(broker, corrected))["facts"]["loan_amount"] == 320_000

    # The manager takes one back. Its group is asked: of the other reps only Ann has the licence.
    returned_lead = complete[4]
    await check_lead_page(mia, returned_lead, "Cyd got it", "Cyd got it")
    await mia.get_by_role("button", name="Give back …").click()
    await mia.get_by_label("Reason", exact=True).fill("too many for one")
    await mia.locator("#move [data-ok]").click()
    await until_no_row(cyd, returned_lead)
    await expect(cyd.locator("#moves")).to_contain_text("from you")
    await expect(cyd.locator("#moves")).to_contain_text("Reason: too many for one")
    assert (await until_counted(broker, ann=22, cyd=18))[returned_lead] == "ann"
    await check_lead_page(
        mia, returned_lead, "Ann got it as number one on the roster", "unassigned by Mia: too many for one"
    )
