"""A manager uploads a file: sees its columns and what would happen, mends the mapping, sends, and gets a report."""

from __future__ import annotations

import csv
import io
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from models.ids import lead_id
from tests.fixtures.waiting import eventually
from tests.web.audited import crew, entries
from tests.web.axe import serious_problems
from tests.web.screens import fits_a_phone, shot
from tests.web.signed_in import signed_in
from web.services import uploads

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow
UPLOADS = "/api/v1/uploads"
FILE = """ID,Who it is,Tel,Mail,Best time,Kind
1,Ann Doe,401-419-4247,ann@x.org,morning,a
2,Bob Roe,401-419-4248,bob@x.org,evening,b
2,Bob Roe,401-419-4248,bob@x.org,evening,b
3,Ann Doe,401-419-4247,,noon,c
,,,,,
"""


async def try_file(client: httpx.AsyncClient, content: str | bytes, name: str = "a.csv", **more: Any) -> Any:
    """Try a file; return the status and the answer."""
    answer = await client.post(
        f"{UPLOADS}/trial", files={"file": (name, content)}, data={"vendor": "acme", **more}
    )
    return answer.status_code, answer.json()


async def send_file(client: httpx.AsyncClient, content: str, **more: Any) -> list[dict[str, Any]]:
    """Send a file; return the lines of the answer."""
    answer = await client.post(UPLOADS, files={"file": ("a.csv", content)}, data={"vendor": "acme", **more})
    assert answer.status_code == HTTPStatus.OK, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_v1_a_manager_uploads_a_file_from_the_drop_to_the_report(
    running_org: RunningOrg, tmp_path: Path
) -> None:
    await crew(running_org)
    await running_org.rep("mia-orr", "manager")
    known_lead = await running_org.arrive("K", last_name="Zee", phone="401-419-4299")
    await running_org.until_known("mia-orr")
    content = FILE + "5,Kim Zee,401-419-4299,,noon,d\n"
    (tmp_path / "may.csv").write_text(content)
    page = await running_org.sign_in("mia-orr", "/uploads")
    await page.get_by_label("Lead provider").fill("acme")
    transfer = await page.evaluate_handle(
        "text => { const data = new DataTransfer(); data.items.add(new File([text], 'may.csv')); return data }",
        content,
    )
    await page.dispatch_event("[data-drop]", "drop", {"dataTransfer": transfer})
    await expect(page.get_by_role("heading", name="Columns")).to_be_visible()
    assert await page.get_by_label("Tel becomes").input_value() == "phone"
    assert await page.get_by_label("Who it is becomes").input_value() == "attribute"
    await page.get_by_label("Who it is becomes").select_option("full_name")
    await page.get_by_label("Kind becomes").select_option("unread")

    async def fates() -> dict[str, str]:
        return {
            str(await cell.get_attribute("data-fate")): await cell.inner_text()
            for cell in await page.locator("[data-fate]").all()
        }

    expected = {"new": "2", "resend": "1", "inquiry": "2", "refused": "1"}
    await expect(page.locator("tr.unread")).to_have_count(1)
    await expect(page.get_by_role("button", name="Send 5 rows")).to_be_enabled()
    assert await fates() == expected
    assert await serious_problems(page) == []
    assert await fits_a_phone(page)
    await shot(page, "upload")
    await page.get_by_role("button", name="Send 5 rows").click()
    await expect(page.locator("[data-sent]")).to_contain_text("Done: 6 rows")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download the report").click()
    text = (await (await download.value).path()).read_text("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    first_lead = lead_id(running_org.org, "acme", "1", {})
    assert [(row["line"], row["fate"]) for row in rows] == [
        ("2", "new"),
        ("3", "new"),
        ("4", "resend"),
        ("5", "inquiry"),
        ("6", "refused"),
        ("7", "inquiry"),
    ]
    assert [row["lead_id"] for row in rows][3:] == [first_lead, "", known_lead]
    assert rows[4]["reason"]
    second_lead = lead_id(running_org.org, "acme", "2", {})
    assert [row["answer"] for row in rows] == [
        f"lead {first_lead}",
        f"lead {second_lead}",
        f"lead {second_lead}",
        f"inquiry of lead {first_lead}",
        "",
        f"inquiry of lead {known_lead}",
    ]
    assert await serious_problems(page) == []
    async with signed_in(running_org, "mia-orr") as mia:

        async def has_inquiry(lead: str) -> bool:
            answer = await mia.get(f"/api/v1/leads/{lead}")
            return answer.status_code == HTTPStatus.OK and answer.json()["inquiries"] == 2

        for lead in (first_lead, known_lead):
            await eventually(lambda lead=lead: has_inquiry(lead), "the inquiry of the file")  # type: ignore[misc]
        shown = (await mia.get(f"/api/v1/leads/{first_lead}")).json()
        assert (shown["facts"]["last_name"], shown["facts"]["attributes"].get("Best time")) == (
            "Doe",
            "morning",
        )
        assert "Kind" not in shown["facts"]["attributes"]
        status, again = await try_file(mia, content)
        assert (status, again["mapping_from"], again["sent_before"]) == (HTTPStatus.OK, "kept", 5)
        assert again["fates"] == {"new": 0, "resend": 5, "inquiry": 0, "refused": 1}
    async with signed_in(running_org, "ann-lee") as ann:
        (entry,) = await entries(ann, "leads_uploaded")
        assert (entry["actor"], entry["object"]) == ("mia-orr", "vendor/acme")


async def test_v1_an_upload_goes_on_where_an_earlier_one_ended_and_names_rows_of_others(
    running_org: RunningOrg,
) -> None:
    await crew(running_org)
    async with await running_org.program("ann-lee") as ann:
        content = "id,last_name,phone,org\n1,Doe,401-419-4247,\n2,Roe,401-419-4248,other\n"
        *_, last = await send_file(ann, content)
        assert (last["finished"], last["fates"]) == (True, {"new": 1, "refused": 1})
        lines = await send_file(ann, content, resume="true")
        assert lines[-1]["skipped"] == 1
        rows = list(csv.DictReader(io.StringIO("".join(line["csv"] for line in lines))))
        assert [(row["fate"], row["reason"][:4]) for row in rows] == [
            ("sent before", "sent"),
            ("refused", "org:"),
        ]


async def test_an_upload_beyond_the_bounds_or_with_wrong_choices_names_the_reason(
    running_org: RunningOrg,
) -> None:
    await crew(running_org)
    async with await running_org.program("ann-lee") as ann:
        rows = "id,phone\n" + "".join(f"{n},401-419-4247\n" for n in range(uploads.MAX_ROWS + 1))
        status, body = await try_file(ann, rows)
        assert (status, body["detail"]) == (
            413,
            "file: has more than 20,000 rows; firstclaim send takes files of any size",
        )
        status, body = await try_file(ann, b"x" * (uploads.MAX_BYTES + 1))
        assert status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        for choices, named in (
            ("[]", "choices"),
            ('{"id": "nothing"}', "nothing"),
            ('{"id": "external_id", "gone": "phone"}', "gone"),
        ):
            status, body = await try_file(ann, "id,phone\n1,401-419-4247\n", choices=choices)
            assert (status, named in body["detail"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, True), body
        status, body = await try_file(ann, "a,b\n1,Ann\n")
        assert (status, body["mapping_from"]) == (HTTPStatus.OK, "none")
        assert [column["column"] for column in body["columns"]] == ["a", "b"]
        status, _ = await try_file(ann, b"")
        assert status == HTTPStatus.UNPROCESSABLE_ENTITY
        status, body = await try_file(ann, "<adf><prospect><id>1</id></prospect></adf>", "a.xml")
        assert (status, body["takes_mapping"], body["fates"]["new"]) == (HTTPStatus.OK, False, 1)
    async with await running_org.program("bob-ray") as bob:
        assert (await try_file(bob, "id\n1\n"))[0] == HTTPStatus.FORBIDDEN
