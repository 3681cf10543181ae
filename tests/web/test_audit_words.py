"""The audit says what a publication changed with names and labels: no id, no field's name, no value of the contract."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.async_api import expect

from tests.web.audited import entries
from tests.web.signed_in import signed_in

if TYPE_CHECKING:
    import httpx

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

BOB, CYD = "id-rep-bob", "id-rep-cyd"
EAST, WEST = "id-group-east", "id-group-west"
AGED = "id-queue-aged"
RADIO = "id-campaign-radio"
WEEK: Final = {"days": ["mon", "tue"], "from": "09:00", "to": "17:00"}


def rules(*conditions: dict[str, Any]) -> dict[str, Any]:
    """Return a tree of rules that all must be met."""
    return {"combinator": "and", "rules": list(conditions)}


def rule(field: str, value: Any, operator: str = "=") -> dict[str, Any]:
    """Return one rule."""
    return {"field": field, "operator": operator, "value": value}


QUEUE: Final = {"name": "Aged leads", "columns": ["state"], "outcomes": ["no_answer"], "teams": ["*"]}
CHANGES: Final[tuple[tuple[str, str, dict[str, Any], dict[str, Any], tuple[str, ...]], ...]] = (
    (
        "group",
        WEST,
        {
            "name": "West Coast",
            "method": "round_robin",
            "members": [{"rep_id": BOB}],
            "filter": rules(rule("loan_purpose", "cash_out")),
        },
        {
            "name": "West Coast",
            "method": "ring_all",
            "members": [{"rep_id": CYD}, {"rep_id": BOB, "weight": 2}],
            "filter": rules(rule("loan_purpose", "purchase")),
        },
        (
            "changes the method from Round robin to Ring all",
            "changes the rep of entry 1 of the roster from Bob Ray to Cyd Fox",
            "adds Bob Ray (weight 2) to the roster",
            "changes the rule Loan purpose is Cash-out of the filter to Loan purpose is Purchase",
        ),
    ),
    (
        "campaign",
        RADIO,
        {"name": "Radio 2026", "vendor": "acme", "group_id": EAST},
        {"name": "Radio 2026", "vendor": "acme", "group_id": WEST},
        ("changes the group from East Coast to West Coast",),
    ),
    (
        "rep",
        BOB,
        {
            "name": "Bob Ray",
            "role": "rep",
            "hours": [WEEK],
            "absences": [{"from": "2030-01-01T00:00:00Z", "to": "2030-01-02T00:00:00Z"}],
            "filter": rules(rule("campaign", "id-campaign-mail"), rule("claimed_through", "id-queue-old")),
            "notify": {"offers": ["email"]},
        },
        {
            "name": "Bob Ray",
            "role": "manager",
            "hours": [{**WEEK, "days": ["mon"]}, {**WEEK, "days": ["wed"]}],
            "absences": [],
            "filter": rules(rule("campaign", RADIO), rule("claimed_through", AGED)),
            "notify": {"offers": ["push"]},
            "availability": "paused",
            "availability_at": "2030-01-01T00:00:00Z",
        },
        (
            "changes the role from Rep to Manager",
            "changes the days of entry 1 of the working hours from Mon, Tue to Mon",
            "adds Wed 09:00 to 17:00 to the working hours",
            "removes 2030-01-01 00:00 UTC to 2030-01-02 00:00 UTC from the absences",
            "changes the rule Campaign is Mail 2026 of the filter to Campaign is Radio 2026",
            "changes the rule Claimed through queue is Old leads of the filter to Claimed through queue is Aged leads",
        ),
    ),
    (
        "settings",
        "settings",
        {
            "outcomes": [{"outcome": "no_answer", "label": "Nobody answered"}],
            "closing_outcomes": ["closed_lost"],
            "attribute_types": {"income": "text"},
            "signed_arrivals": "optional",
            "vendors": {"acme": {"campaigns": ["id-campaign-mail"]}},
        },
        {
            "outcomes": [{"outcome": "no_answer", "label": "Nobody answered"}],
            "closing_outcomes": ["closed_lost", "no_answer"],
            "contact_kinds": ["call", "call_log"],
            "attribute_types": {"income": "number"},
            "signed_arrivals": "required",
            "vendors": {"acme": {"campaigns": [RADIO]}},
        },
        (
            "changes the closing outcomes from closed lost to closed lost, Nobody answered",
            "changes the attribute types income from Text to Number",
            "changes the signed arrivals from Optional to Required",
            "changes the vendors acme campaigns from Mail 2026 to Radio 2026",
        ),
    ),
)
RULES: Final = (
    (rule("owner", BOB), rule("owner", CYD), "changes the rule Owner is Bob Ray to Owner is Cyd Fox"),
    (
        rule("campaign", "id-campaign-mail"),
        rule("campaign", RADIO),
        "changes the rule Campaign is Mail 2026 to Campaign is Radio 2026",
    ),
    (
        rule("last_outcome", "no_answer"),
        rule("last_outcome", "closed_lost"),
        "changes the rule Last outcome is Nobody answered to Last outcome is closed lost",
    ),
    (
        rule("property_type", "single_family"),
        rule("property_type", "condo"),
        "changes the rule Property type is Single-family to Property type is Condo",
    ),
    (
        rule("owner", CYD),
        rule("owner", CYD, "!="),
        "changes the rule Owner is Cyd Fox to Owner is not Cyd Fox",
    ),
    (
        rule("owner", BOB),
        rule("campaign", RADIO),
        "removes the rule Owner is Bob Ray; adds the rule Campaign is Radio 2026",
    ),
)
"""A rule, the rule that takes its place, and what the audit says."""
UNREADABLE: Final = re.compile(r"id-\w+-\w+|\w_\w|\d\dT\d\d|\{|\[")
"""Ids of this org, names of the contract, instants of programs, and JSON."""


async def publish_object(client: httpx.AsyncClient, kind: str, object_id: str, value: dict[str, Any]) -> None:
    """Publish an object of the directory as its page does."""
    path = f"/api/v1/directory/{kind}/{object_id}"
    before = await client.get(path)
    match = {"if-match": before.headers["etag"]} if before.status_code == HTTPStatus.OK else {}
    published = await client.put(path, json=value, headers=match)
    assert published.status_code == HTTPStatus.OK, published.text


async def publish_queue(client: httpx.AsyncClient, value: dict[str, Any]) -> None:
    """Publish a queue as the builder does."""
    path = f"/api/v1/queue-drafts/{AGED}"
    before = await client.get(path)
    match = {"if-match": before.headers["etag"]} if before.status_code == HTTPStatus.OK else {}
    saved = await client.put(path, json={"value": value}, headers=match)
    assert saved.status_code == HTTPStatus.OK, saved.text
    published = await client.post(
        f"{path}/publish", json={"over": saved.json()["version"]}, headers={"if-match": saved.headers["etag"]}
    )
    assert published.status_code == HTTPStatus.OK, published.text


async def test_x1_every_kind_of_change_is_named_without_ids_and_values_of_the_contract(
    running_org: RunningOrg,
) -> None:
    await running_org.rep("ann-lee", "admin")
    await running_org.publish("rep", BOB, name="Bob Ray")
    await running_org.publish("rep", CYD, name="Cyd Fox")
    for group, name in ((EAST, "East Coast"), (WEST, "West Coast")):
        await running_org.publish("group", group, name=name, method="round_robin")
    for campaign, name in (("id-campaign-mail", "Mail 2026"), (RADIO, "Radio 2026")):
        await running_org.publish("campaign", campaign, name=name, vendor="acme")
    for queue, name in (("id-queue-old", "Old leads"), (AGED, "Aged leads")):
        await running_org.publish("queue", queue, name=name)
    await running_org.until_read()
    count = 0
    messages: list[str] = []
    async with signed_in(running_org, "ann-lee") as ann:
        for kind, object_id, before, after, _ in CHANGES:
            for value in (before, after):
                await publish_object(ann, kind, object_id, value)
                count += 1
            messages.append((await entries(ann, "published", count))[0]["text"])
        for before, after, _ in RULES:
            for condition in (before, after):
                await publish_queue(ann, {**QUEUE, "inclusion": rules(condition)})
                count += 1
            messages.append((await entries(ann, "published", count))[0]["text"])
        for number in (30, 45):
            relative = rule("created_at", {"amount": number, "unit": "day"}, "inLast")
            await publish_queue(ann, {**QUEUE, "inclusion": rules(relative), "reps": [BOB]})
            count += 1
        messages.append((await entries(ann, "published", count))[0]["text"])
        exported = await ann.get("/api/v1/leads.csv", params={"owner": BOB, "campaign": RADIO})
        assert exported.status_code == HTTPStatus.OK, exported.text
        await entries(ann, "exported")
        tag = (await ann.get(f"/api/v1/queue-drafts/{AGED}")).headers["etag"]
        removal = await ann.post(f"/api/v1/queue-drafts/{AGED}/removal", headers={"if-match": tag})
        assert removal.status_code == HTTPStatus.NO_CONTENT, removal.text
        (removed,) = await entries(ann, "removed")
    expected = [*(texts for *_, texts in CHANGES), *((text,) for *_, text in RULES)]
    expected.append(("changes the rule Created on date is in the last 30 days to",))
    for text, parts in zip(messages, expected, strict=True):
        for part in parts:
            assert part in text
    assert removed["text"] == "Ann Lee removed the queue Aged leads."
    page = await running_org.sign_in("ann-lee", "/audit")
    async with signed_in(running_org, "ann-lee") as ann:
        await entries(ann, "signed_in", 3)
    await page.reload()
    rows = page.locator("[data-entries] tbody tr .what")
    await expect(rows).to_have_count(count + 5)  # three sign-ins, an export and a removal
    shown = await rows.all_inner_texts()
    assert [text for text in shown if UNREADABLE.search(text)] == []
    assert "Ann Lee exported 0 leads with owner Bob Ray; campaign Radio 2026." in shown
