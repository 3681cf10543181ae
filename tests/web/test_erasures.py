"""An admin erases a person on a page: a preview, a typed word, the password once more, and a receipt."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from playwright.async_api import expect
from sqlalchemy import update

from streams.topics import LEAD_ARRIVALS
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.web.audited import crew, entries
from tests.web.axe import serious_problems
from tests.web.running_org import PASSWORD, RunningOrg
from tests.web.screens import fits_a_phone, shot
from tests.web.signed_in import signed_in
from web.store.tables import SessionTable

if TYPE_CHECKING:
    import httpx
    from sqlalchemy import Engine

import pytest

pytestmark = pytest.mark.slow
ERASURES = "/api/v1/erasures"
PHONE = "+14014194247"


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    """Post a request; return the status and the body."""
    answer = await client.post(path, json=body)
    return answer.status_code, answer.json()


async def until_preview(client: httpx.AsyncClient, person: str, leads: int) -> dict[str, Any]:
    """Return the preview of a person, once the engine knows of as many leads."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            status, preview = await post(client, f"{ERASURES}/preview", person=person)
            assert status == HTTPStatus.OK, preview
            if len(preview["leads"]) == leads and all(lead["phase"] for lead in preview["leads"]):
                return preview


def age_proof(store: Engine, email: str) -> None:
    """Let a person's last proof be an hour old."""
    with store.begin() as connection:
        at = datetime.now(UTC) - timedelta(hours=1)
        connection.execute(update(SessionTable).where(SessionTable.email == email).values(proved_at=at))


async def test_an_admin_erases_a_person_on_the_page(running_org: RunningOrg, store: Engine) -> None:
    await crew(running_org)
    lead = await running_org.arrive("1", first_name="Jeremy", last_name="Zabriskie", phone=PHONE)
    other_lead = await running_org.arrive("2", first_name="Anna", last_name="Berg", phone="+14014190002")
    async with signed_in(running_org, "ann-lee") as ann:
        await until_preview(ann, other_lead, 1)
        await until_preview(ann, lead, 1)
    page = await running_org.sign_in("ann-lee", "/audit")
    await page.get_by_role("link", name="Erase a person").click()
    await expect(page.get_by_role("heading", name="Erase a person", level=1)).to_be_visible()
    assert await serious_problems(page) == []
    assert await fits_a_phone(page)
    age_proof(store, running_org.email("ann-lee"))
    await page.get_by_label("Mail address, phone number or lead id").fill("(401) 419-4247")
    await page.get_by_role("button", name="Show what would be erased").click()
    await expect(page.get_by_role("link", name="Jeremy Zabriskie")).to_be_visible()
    assert await page.get_by_role("link", name="Anna Berg").count() == 0
    erase = page.get_by_role("button", name="Erase 1 lead")
    await expect(erase).to_be_disabled()
    await page.get_by_label("Type erase to confirm").fill("eras")
    await expect(erase).to_be_disabled()
    await page.get_by_label("Type erase to confirm").fill("erase")
    await shot(page, "erasures")
    await erase.click()
    proof = page.get_by_role("dialog", name="Is it you?")
    await proof.get_by_label("Password").fill(PASSWORD)
    await proof.get_by_role("button", name="Confirm").click()
    await expect(page.locator("[data-done]")).to_contain_text("Erased: 1 lead.")
    await page.get_by_role("link", name="Show it in the list").click()
    row = page.locator("[data-receipts] tbody tr")
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("Ann Lee")
    await expect(row).to_contain_text("phone number")
    assert await serious_problems(page) == []
    await row.get_by_role("link").click()
    await page.wait_for_url(f"**/leads/{lead}")
    assert "Zabriskie" not in await page.content()
    assert "4247" not in await page.content()
    async with signed_in(running_org, "ann-lee") as ann:
        (entry,) = await entries(ann, "erased")
        assert entry["actor"] == "ann-lee"
        assert "4247" not in str(entry)
        assert len((await ann.get(ERASURES)).json()) == 1
        assert (await until_preview(ann, other_lead, 1))["leads"][0]["name"] == "Anna Berg"


async def test_who_may_not_erase_learns_and_changes_nothing(running_org: RunningOrg, store: Engine) -> None:
    await crew(running_org)
    await running_org.rep("mia-orr", "manager")
    lead = await running_org.arrive("1", last_name="Zabriskie", phone=PHONE)
    async with signed_in(running_org, "ann-lee") as ann:
        await until_preview(ann, PHONE, 1)
        for body in ({"confirm": "yes", "leads": 1}, {"confirm": "erase"}, {"leads": 1}):
            status, _ = await post(ann, ERASURES, person=lead, **body)
            assert status == HTTPStatus.UNPROCESSABLE_ENTITY, body
        status, answer = await post(ann, f"{ERASURES}/preview", person="twelve")
        assert (status, answer["detail"][:8]) == (HTTPStatus.UNPROCESSABLE_ENTITY, "person: ")
        status, answer = await post(ann, ERASURES, person=lead, leads=2, confirm="erase")
        assert (status, answer["type"]) == (HTTPStatus.CONFLICT, "urn:firstclaim:problem:changed")
        age_proof(store, running_org.email("ann-lee"))
        status, answer = await post(ann, ERASURES, person=lead, leads=1, confirm="erase")
        assert (status, answer["type"]) == (HTTPStatus.FORBIDDEN, "urn:firstclaim:problem:prove-yourself")
        for rep_id in ("bob-ray", "mia-orr"):
            async with signed_in(running_org, rep_id) as client:
                for path in (ERASURES, f"{ERASURES}/preview"):
                    assert (await post(client, path, person=PHONE, leads=1, confirm="erase"))[0] == 403, (
                        rep_id
                    )
                assert (await client.get(ERASURES)).status_code == HTTPStatus.FORBIDDEN, rep_id
        async with await running_org.program("ann-lee") as program:
            status, answer = await post(program, ERASURES, person=lead, leads=1, confirm="erase")
            assert (status, answer["type"]) == (HTTPStatus.FORBIDDEN, "urn:firstclaim:problem:person-needed")
        assert (await until_preview(ann, PHONE, 1))["leads"][0]["name"] == "Zabriskie"


async def test_another_orgs_person_is_nobody_here(running_org: RunningOrg) -> None:
    await crew(running_org)
    other_org = f"{running_org.org}-x"
    await running_org.client.arrive(
        {"vendor": "acme", "external_id": "1", "org": other_org, "last_name": "Zabriskie", "phone": PHONE}
    )
    lead = await running_org.arrive("1", last_name="Zabriskie", phone="+14014190001")
    async with signed_in(running_org, "ann-lee") as ann:
        await until_preview(ann, lead, 1)
        assert await until_preview(ann, PHONE, 0) == {"says": "no lead of this org has it", "leads": []}
        assert (await until_preview(ann, str(uuid.uuid4()), 0))["leads"] == []


async def test_a_dead_letter_of_a_person_without_a_lead_is_erased(running_org: RunningOrg) -> None:
    """A vendor's message that names a person and could not be accepted is data of the person, too."""
    await crew(running_org)
    bad = f'{{"org": "{running_org.org}", "last_name": "Zabriskie", "phone": "{PHONE}"}}'.encode()
    await (await running_org.client.put(LEAD_ARRIVALS, bad))
    await (await running_org.client.put(LEAD_ARRIVALS, bad.replace(b"4247", b"4248")))

    async def letters(client: httpx.AsyncClient, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                listed: list[dict[str, Any]] = (await client.get("/api/v1/operations/dead-letters")).json()
                if len(listed) == count:
                    return listed
                await asyncio.sleep(0.05)

    async with signed_in(running_org, "ann-lee") as ann:
        before = await letters(ann, 2)
        status, receipt = await post(ann, ERASURES, person=PHONE, leads=0, confirm="erase")
        assert status == HTTPStatus.CREATED, receipt
        assert receipt["leads"] == []
        assert receipt["places"]["dead-letters"] == 1
        (remaining,) = await letters(ann, 1)
        shown_letter = (await ann.get(f"/api/v1/operations/dead-letters/{remaining['place']}")).json()
        assert "4248" in shown_letter["value"]
        for letter in before:
            erased_letter = await ann.get(f"/api/v1/operations/dead-letters/{letter['place']}")
            assert (erased_letter.status_code, "among the newest" in erased_letter.text) == (
                HTTPStatus.NOT_FOUND,
                True,
            )
