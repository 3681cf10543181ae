"""A lead and its org, each in its own log, stay consistent whichever process dies (R3, R8, R9, S1, X3)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from models.codec import decode_org_record
from models.decisions import Answered
from models.ids import lead_id
from models.lead import DirectoryRow, DistributionStatus, Lead, LeadRow, Phase
from models.offer_decisions import LeadOffered
from models.org_decisions import OrgStep
from streams.topics import (
    DIRECTORY,
    DO_NOT_CONTACT,
    LEAD_ARRIVALS,
    LEAD_LOG,
    NOTIFICATIONS,
    ORG_JOURNAL,
    ORG_LOG,
)
from tests.agents.conftest import PARTITIONS, lead_arrival, requested_action

if TYPE_CHECKING:
    from tests.agents.conftest import Engine

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

REPS = ("rep-1", "rep-2", "rep-3")


async def publish(engine: Engine, *objects: tuple[str, str, dict[str, Any]]) -> None:
    """Publish as an admin does; intake forwards it to leads and org."""
    records = [
        (0, f"default/{kind}/{object_id}".encode(), json.dumps(value).encode())
        for kind, object_id, value in objects
    ]
    await engine.send(DIRECTORY, records)


def people(*rep_ids: str, **terms: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """Return reps as they are published."""
    return [("rep", rep_id, {"rep_id": rep_id, **terms}) for rep_id in rep_ids]


def group(method: str, *rep_ids: str, **terms: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """Return a group and its campaign, which also takes leads that name no campaign."""
    members = [{"rep_id": rep_id} for rep_id in rep_ids]
    return [
        ("group", "west", {"group_id": "west", "method": method, "members": members, **terms}),
        ("campaign", "all", {"campaign_id": "all", "group_id": "west", "default": True}),
    ]


def vendor_message(vendor: str, external_id: str, **more: Any) -> tuple[int, bytes | None, bytes]:
    """Return a vendor's message, in any partition."""
    value = {"vendor": vendor, "external_id": external_id, "last_name": "Jones", "state": "RI", **more}
    return (len(external_id) % PARTITIONS, None, json.dumps(value).encode())


async def leads_of(engine: Engine) -> dict[str, Lead]:
    """Return every lead as in its newest row."""
    rows = await engine.rows()
    return {key: row.lead for key, row in rows.items() if isinstance(row, LeadRow) and row.lead is not None}


async def in_phase(engine: Engine, phase: Phase, count: int) -> bool:
    """Return whether the given number of leads is in a phase."""
    return Counter(lead.phase for lead in (await leads_of(engine)).values())[phase] == count


async def publications_are_known(engine: Engine, objects: int) -> bool:
    """Return whether the org and each partition of the leads know what was published."""
    steps = [decode_org_record(record.value) for record in await engine.records(ORG_JOURNAL)]
    steps_of_org = sum(isinstance(step, OrgStep) for step in steps)
    rows = sum(isinstance(row, DirectoryRow) for row in (await engine.rows()).values())
    return (
        steps_of_org >= objects - 2 and rows == objects * PARTITIONS
    )  # an org does not use campaigns and queues


async def steps(engine: Engine) -> Counter[tuple[int, int]]:
    """Return how many steps the org's journal has for each event of the org's log."""
    return Counter(
        (record.partition, step.off)
        for record in await engine.records(ORG_JOURNAL)
        if isinstance(step := decode_org_record(record.value), OrgStep)
    )


async def all_taken(engine: Engine) -> bool:
    """Return whether the org has a step for every event of its log."""
    ends = await engine.cluster.ends(engine.topic(ORG_LOG))
    return len(await steps(engine)) >= sum(ends.values())


async def test_r3_r8_x3_every_rep_is_tried_once_though_workers_and_relays_die(engine: Engine) -> None:
    """Offers expire after a second while both processes are killed. Each rep sees each lead once."""
    leads = [f"lead-{n}" for n in range(60)]
    objects = [*people(*REPS), *group("round_robin", *REPS, claim_window_seconds=1)]
    await publish(engine, *objects)
    processes = engine.worker(INSTANCE="worker-0", COMMIT_SECONDS=600), engine.relay(INSTANCE="relay-0")
    async with processes[0] as worker, processes[1] as relay:
        await worker.until_async(
            lambda: publications_are_known(engine, len(objects)), "the org knows its people"
        )
        await engine.tell(*(lead_arrival(lead) for lead in leads))

        async def offered() -> bool:
            return any(
                lead.open_distribution and lead.open_distribution.tried
                for lead in (await leads_of(engine)).values()
            )

        await worker.until_async(offered, "a first window has run out")
        await relay.kill9()
        await worker.kill9()
    async with (
        engine.worker(INSTANCE="worker-0") as worker,
        engine.relay(INSTANCE="relay-0") as relay,
    ):
        await worker.until_async(lambda: in_phase(engine, Phase.EXCEPTION, len(leads)), "all have been tried")
        await relay.kill9()
        await worker.until_async(lambda: all_taken(engine), "the org has read all that the relay forwarded")
    tries = Counter(
        (record.key.decode(), rep_id)
        for record, row in await engine.journal()
        if isinstance(row, LeadRow)
        for decision in row.decisions
        if isinstance(decision, LeadOffered)
        for rep_id in decision.reps
    )
    assert tries == Counter({(lead, rep_id): 1 for lead in leads for rep_id in REPS})
    for lead in (await leads_of(engine)).values():
        assert lead.open_exception is not None
        assert lead.open_exception.reason == "all_agents_tried"
        assert {line["rep_id"] for line in lead.open_exception.explanation} == set(REPS)
    ends = await engine.cluster.ends(engine.topic(ORG_LOG))
    expected = Counter({(p, off): 1 for p, end in ends.items() for off in range(end)})
    assert await steps(engine) == expected, "one step each"


async def test_r9_e1_a_cap_holds_under_any_concurrency_and_a_free_slot_fills_itself(engine: Engine) -> None:
    """200 leads come at once for 3 reps with a cap of 10.

    There are never 11, and a waiting lead is offered by itself.
    """
    objects = [*people(*REPS, max_open=10), *group("round_robin", *REPS, claim_window_seconds=600)]
    await publish(engine, *objects)
    async with engine.worker() as worker, engine.relay():
        await worker.until_async(
            lambda: publications_are_known(engine, len(objects)), "the org knows its people"
        )
        await engine.tell(*(lead_arrival(f"lead-{n}") for n in range(200)))
        await worker.until_async(lambda: in_phase(engine, Phase.EXCEPTION, 170), "the rest has nobody")
        leads = await leads_of(engine)
        offered = Counter(
            rep for lead in leads.values() if lead.open_distribution for rep in lead.open_distribution.reps
        )
        assert offered == Counter(dict.fromkeys(REPS, 10))
        waits = [lead for lead in leads.values() if lead.phase is Phase.EXCEPTION]
        for lead in waits:
            assert lead.open_exception is not None
            assert lead.open_exception.reason == "no_available_agents"
            assert all(
                "cap of open leads: 10 of 10" in line["why"] for line in lead.open_exception.explanation
            )
            assert lead.open_distribution is not None
            assert lead.open_distribution.stage is DistributionStatus.WAITING
        offered_lead = next(
            lead for lead in leads.values() if lead.open_distribution and lead.open_distribution.reps
        )
        assert offered_lead.open_distribution is not None
        (holder,) = offered_lead.open_distribution.reps
        await engine.tell(requested_action(offered_lead.lead_id, "outcome", holder, outcome="closed_won"))
        await worker.until_async(lambda: in_phase(engine, Phase.EXCEPTION, 169), "the slot is filled")
        leads = await leads_of(engine)
        offered = Counter(
            rep for lead in leads.values() if lead.open_distribution for rep in lead.open_distribution.reps
        )
        assert offered == Counter(dict.fromkeys(REPS, 10))
        assert leads[offered_lead.lead_id].phase is Phase.CLOSED


async def test_s1_s3_fifty_press_one_at_once_and_one_wins(engine: Engine) -> None:
    """All phones ring. One rep has the lead and one mail; everybody else is told, and their calls are withdrawn."""
    reps = [f"rep-{n}" for n in range(50)]
    objects = [*people(*reps), *group("ring_all", *reps, ring_seconds=60)]
    await publish(engine, *objects)
    async with engine.worker() as worker, engine.relay() as relay:
        await worker.until_async(
            lambda: publications_are_known(engine, len(objects)), "the org knows its people"
        )
        await engine.tell(lead_arrival("lead-1"))

        async def rings() -> bool:
            lead = (await leads_of(engine)).get("lead-1")
            return (
                lead is not None
                and lead.open_distribution is not None
                and len(lead.open_distribution.reps) == len(reps)
            )

        await worker.until_async(rings, "it rings with everybody")
        await engine.tell(*(requested_action("lead-1", "press_one", rep) for rep in reps))

        async def answered() -> bool:
            results = Counter(
                answer.result
                for record, row in await engine.journal()
                if record.key == b"lead-1" and isinstance(row, LeadRow)
                for answer in row.decisions
                if isinstance(answer, Answered)
            )
            return results == Counter({"won": 1, "lost": 49})

        await worker.until_async(answered, "one wins and 49 are told who has it")
        (lead,) = (await leads_of(engine)).values()
        assert (lead.phase, lead.how, lead.via) == (Phase.OWNED, "ring_all", "group/west")

        async def notifications() -> Counter[tuple[str, str, bool]]:
            messages = [json.loads(record.value) for record in await engine.records(NOTIFICATIONS)]
            return Counter(
                (message["template"], message["kind"], message["withdrawn"]) for message in messages
            )

        async def is_published() -> bool:
            return await notifications() == Counter(
                {
                    ("ring", "call", False): 50,
                    ("ring", "call", True): 50,  # the winner's too: in its other browsers
                    ("lead_assigned", "email", False): 1,
                    ("lead_assigned", "push", False): 1,
                }
            )

        await relay.until_async(is_published, "the calls are withdrawn and one mail is sent")


async def test_x2_a_rep_switched_off_lets_go_of_everything_in_slices(engine: Engine) -> None:
    """One rep has 250 leads. They are orphaned, and the queue whose rules ask for such leads takes them (Q11)."""
    leads = [f"lead-{n}" for n in range(250)]
    objects = [*people("rep-1", "rep-2"), *group("roster", "rep-1")]
    orphans = {
        "queue_id": "orphans",
        "claimable": True,
        "inclusion": {
            "combinator": "and",
            "rules": [{"field": "how", "operator": "=", "value": "orphaned"}],
        },
    }
    objects.append(("queue", "orphans", orphans))
    await publish(engine, *objects)
    async with engine.worker() as worker, engine.relay():
        await worker.until_async(
            lambda: publications_are_known(engine, len(objects)), "the org knows its people"
        )
        await engine.tell(*(lead_arrival(lead) for lead in leads))
        await worker.until_async(lambda: in_phase(engine, Phase.OWNED, len(leads)), "number one has them all")
        await publish(engine, ("rep", "rep-1", {"rep_id": "rep-1", "active": False}))
        await worker.until_async(lambda: in_phase(engine, Phase.QUEUED, len(leads)), "all are orphaned")
        for lead in (await leads_of(engine)).values():
            assert (lead.owner, lead.how, list(lead.placements)) == (None, "orphaned", ["orphans"])
        await asyncio.gather(engine.tell(*(requested_action(lead, "claim", "rep-2") for lead in leads)))
        await worker.until_async(lambda: in_phase(engine, Phase.OWNED, len(leads)), "and claimed anew")


async def test_r6_two_vendors_send_the_same_person_and_it_is_one_lead(engine: Engine) -> None:
    """The owner is told of each inquiry once, although the relay is killed.

    An action on the other id is answered with the lead's id.
    """
    objects = [*people("rep-1", "rep-2"), *group("roster", "rep-1")]
    await publish(engine, *objects)
    first, other = lead_id("default", "acme", "A-1", {}), lead_id("default", "globex", "G-1", {})
    repeats = [
        vendor_message("globex", f"G-{n}", phone="(401) 419-4247", email=f"j{n}@x.org") for n in (1, 2, 3)
    ]
    async with engine.worker(), engine.relay(INSTANCE="relay-0", COMMIT_SECONDS=600) as relay:
        await relay.until_async(
            lambda: publications_are_known(engine, len(objects)), "the org knows its people"
        )
        await engine.send(LEAD_ARRIVALS, [vendor_message("acme", "A-1", phone="4014194247")])
        await relay.until_async(lambda: in_phase(engine, Phase.OWNED, 1), "number one has it")
        await engine.send(LEAD_ARRIVALS, [*repeats, *repeats, vendor_message("acme", "A-2", email="k@x.org")])

        async def inquired() -> bool:
            leads = await leads_of(engine)
            return len(leads) == 2 and leads[first].inquiries == 4

        await relay.until_async(inquired, "all are inquiries of one lead")
        await relay.kill9()
    async with engine.worker() as worker, engine.relay(INSTANCE="relay-0"):
        await engine.tell(requested_action(other, "claim", "rep-2"))

        async def refused() -> bool:
            row = (await engine.rows()).get(other)
            return isinstance(row, LeadRow) and bool(row.answers)

        await worker.until_async(refused, "who asks for an inquiry is answered")
        row = (await engine.rows())[other]
        assert isinstance(row, LeadRow)
        assert (row.lead, row.merged_into) == (None, first)
        assert (row.answers[0].reason, row.answers[0].merged_into) == ("unknown_lead", first)

        async def is_published() -> bool:
            messages = [json.loads(record.value) for record in await engine.records(NOTIFICATIONS)]
            count = Counter(
                (message["rep_id"], message["kind"])
                for message in messages
                if message["template"] == "new_inquiry"
            )
            ids = {message["notification_id"] for message in messages if message["template"] == "new_inquiry"}
            return len(ids) == 6 and count == {("rep-1", "email"): 3, ("rep-1", "push"): 3}

        await worker.until_async(is_published, "its owner is told, once of each")
    lead = (await leads_of(engine))[first]
    assert (lead.owner, lead.inquiries, lead.facts.vendor) == ("rep-1", 4, "acme")


async def test_x6_a_number_on_the_list_is_not_called_and_its_lead_is_assigned(engine: Engine) -> None:
    """The list affects existing and later leads. After the removal, both are called."""
    objects = [*people("rep-1"), *group("roster", "rep-1"), ("settings", "settings", {"quiet_hours": []})]
    await publish(engine, *objects)
    first, later = lead_id("default", "acme", "A-1", {}), lead_id("default", "acme", "A-22", {})
    key = b"default/phone/(401) 419-4247"

    async def connects(result: str, *lead_ids: str) -> None:
        """Press 1 again for each lead, and check the answer."""
        asks = [
            requested_action(
                lead_id, "connect", "rep-1", cause=f"{lead_id}/{result}/{len(await engine.records(LEAD_LOG))}"
            )
            for lead_id in lead_ids
        ]
        await engine.tell(*asks)

        async def answered() -> bool:
            answers = {
                answer.action_id: str(answer.reason or answer.result)
                for _, row in await engine.journal()
                if isinstance(row, LeadRow)
                for answer in row.answers
            }
            return [answers.get(ask.cause) for ask in asks] == [result] * len(asks)

        await worker.until_async(answered, f"connect is answered {result}")

    async def suppressed(count: int) -> bool:
        return sum(lead.silenced for lead in (await leads_of(engine)).values()) == count

    async with engine.worker() as worker, engine.relay():
        await worker.until_async(
            lambda: publications_are_known(engine, len(objects)), "the org knows its people"
        )
        await engine.send(LEAD_ARRIVALS, [vendor_message("acme", "A-1", phone="4014194247")])
        await worker.until_async(lambda: in_phase(engine, Phase.OWNED, 1), "it is assigned")
        await connects("done", first)
        await engine.send(
            DO_NOT_CONTACT, [(0, key, b'{"reason": "asked us by mail"}'), (0, b"default/fax/1", b"{}")]
        )
        await worker.until_async(lambda: suppressed(1), "the lead has heard of it")
        await engine.send(
            LEAD_ARRIVALS, [vendor_message("acme", "A-22", phone="4014190001", email="j@x.org")]
        )
        await engine.send(DO_NOT_CONTACT, [(0, b"default/email/J@x.org", b"{}")])
        await worker.until_async(
            lambda: in_phase(engine, Phase.OWNED, 2), "the other is assigned all the same"
        )
        await worker.until_async(lambda: suppressed(2), "it is listed too")
        await connects("suppressed", first, later)
        await engine.send(DO_NOT_CONTACT, [(0, key, None), (0, b"default/email/j@x.org", None)])
        await worker.until_async(lambda: suppressed(0), "both are off the list")
        await connects("done", first, later)
    (letter,) = await engine.dead_letters()
    assert letter[2]["error-class"] == "invalid_key"
