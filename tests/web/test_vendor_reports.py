"""Managers see what became of what each vendor sent (V6)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec.structs import replace
from playwright.async_api import expect

from assurance.verify.findings import Findings
from assurance.verify.vendor_reports import check_vendor_reports, counted_hours
from sink import database_engine as crm
from streams.topics import LEAD_ARRIVALS, VENDOR_REPORTS
from tests.fixtures.waiting import eventually
from tests.web.audited import crew
from tests.web.axe import serious_problems
from tests.web.screens import fits_a_phone, shot

if TYPE_CHECKING:
    from models.public import VendorReport
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


async def _differences(running_org: RunningOrg) -> dict[bytes, VendorReport]:
    """Return the org's reports of acme in the topic, once `verify` finds that topic and database agree on them."""
    settings = running_org.stack.settings

    async def agree() -> dict[bytes, VendorReport] | None:
        counted = counted_hours(crm.connect(settings.database_url))
        org_keys = {key for key, hour in counted.items() if hour.report.org == running_org.org}
        if any(counted[key].published < counted[key].report.version for key in org_keys):
            return None
        findings = Findings()
        await check_vendor_reports(settings, findings)
        if any(finding.details["key"].startswith(f"{running_org.org}/") for finding in findings.found):
            return None
        return {key: counted[key].report for key in org_keys}

    reports: dict[bytes, VendorReport] = await eventually(agree, "topic and database agree")
    return reports


async def _topic_and_database_are_compared(running_org: RunningOrg) -> None:
    """Write a record that is wrong: it is a finding, until the right one follows it."""
    reports = await _differences(running_org)
    key, right = next(
        (key, report) for key, report in reports.items() if report.vendor == "acme" and report.accepted
    )
    for wrong in (replace(right, accepted=right.accepted + 1), replace(right, version=right.version - 1)):
        await (await running_org.client.put(VENDOR_REPORTS, msgspec.json.encode(wrong), key=key))
        findings = Findings()
        await check_vendor_reports(running_org.stack.settings, findings)
        assert key.decode() in [finding.details["key"] for finding in findings.found]
        assert set(findings.counts) == {"vendor_report_differs"}
    await (await running_org.client.put(VENDOR_REPORTS, msgspec.json.encode(right), key=key))
    assert (await _differences(running_org))[key] == right


async def test_v6_each_vendors_leads_are_counted_from_the_bytes_it_sent(running_org: RunningOrg) -> None:
    await crew(running_org)
    await running_org.rep("mia-orr", "manager")

    async def send(vendor: str, external_id: str, **facts: Any) -> None:
        lead = {"vendor": vendor, "external_id": external_id, "org": running_org.org, **facts}
        await (await running_org.client.put(LEAD_ARRIVALS, json.dumps(lead).encode(), key=b"one"))

    ann = {"last_name": "Doe", "phone": "401-419-4247"}
    await send("acme", "1", **ann)
    await send("acme", "1", **ann)
    await send("acme", "1", last_name="Poe", phone="401-419-4250")
    await send("acme", "2", last_name="Roe", phone="401-419-4248", email="no address", assigned_to="bob-ray")
    await send("globex", "9", **ann)
    bad = json.dumps({"vendor": "globex", "org": running_org.org, "loan_amount": 5}).encode()
    await (await running_org.client.put(LEAD_ARRIVALS, bad, key=b"one"))
    async with await running_org.program("mia-orr") as mia:

        async def reports() -> dict[str, Any] | None:
            answer = await mia.get("/api/v1/vendors/reports")
            assert answer.status_code == HTTPStatus.OK, answer.text
            by_vendor = {report["vendor"]: report for report in answer.json()}
            is_counted = by_vendor.get("globex", {}).get("refused") and by_vendor["globex"]["inquiries"]
            return by_vendor if is_counted and by_vendor.get("acme", {}).get("accepted") == 3 else None

        by_vendor = await eventually(reports, "the reports count what was sent")
        acme, globex = by_vendor["acme"], by_vendor["globex"]
        counts = ("accepted", "resends", "inquiries", "reused", "assigned")
        assert [acme[name] for name in counts] == [3, 1, 0, 1, 1]
        assert acme["conversion"] == pytest.approx(1 / 3)
        assert acme["remarks"]["unreadable email"] == 1
        assert [globex[name] for name in counts] == [0, 0, 1, 0, 0]
        assert sum(globex["refused"].values()) == 1
        text = (await mia.get("/api/v1/vendors/reports.csv")).text
        assert "acme,accepted,,3" in text
        assert "globex,refused," in text
        assert (await mia.get("/api/v1/vendors/reports?days=0")).status_code == 422
    await _topic_and_database_are_compared(running_org)
    async with await running_org.program("bob-ray") as bob:
        assert (await bob.get("/api/v1/vendors/reports")).status_code == HTTPStatus.FORBIDDEN
    page = await running_org.sign_in("mia-orr", "/vendors")
    await expect(page.locator("[data-vendor=acme]")).to_contain_text("1 (33 %)")
    await expect(page.locator("[data-vendor=acme]")).to_contain_text("Email could not be read")
    await expect(page.locator("[data-vendor=acme]")).not_to_contain_text("_")
    await expect(page.locator("nav[aria-label=Days]")).to_contain_text("1 day 7 days")
    assert await serious_problems(page) == []
    assert await fits_a_phone(page)
    await shot(page, "vendors")
