"""What one sender or one person can use up of the system is bounded, each attack by its name."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

from application.importing.import_tables import MAX_COLUMNS
from models.facts import MAX_ATTRIBUTES_BYTES
from streams.dead_letter_reading import read_letter
from streams.dead_letter_senders import org_of
from streams.topic_reader import read_topic
from streams.topics import DEAD_LETTERS, DIRECTORY, LEAD_ARRIVALS
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.web.rows import WORK
from tests.web.running_org import NEW
from web.live.hub import MAX_PER_PERSON
from web.store.preferences import MAX_PREFERENCES

if TYPE_CHECKING:
    import httpx

    from streams.dead_letter_reading import StoredDeadLetter
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

PHONE: Final = "+14014194247"


async def until_contains(client: httpx.AsyncClient, path: str, text: str) -> None:
    """Wait until a page of the API contains a text."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while text not in (await client.get(path)).text:
            await asyncio.sleep(0.05)


async def test_a_vendor_cannot_jam_a_lead_by_large_attributes(running_org: RunningOrg) -> None:
    """Four arrivals of one person, 240 KB each, filled the lead's row to its limit. All later actions failed."""
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **NEW)
    facts = {"first_name": "Jeremy", "last_name": "Jones", "phone": PHONE}
    lead = await running_org.arrive("J-0", **facts)
    async with await running_org.program("rep-1") as client:
        await until_contains(client, "/api/v1/queues/new/leads", lead)
        for n in range(1, 5):
            large = {f"page-{n}-{part}": "x" * 15_000 for part in range(16)}
            await running_org.arrive(f"J-{n}", **facts, attributes={**large, f"kept-{n}": n})
        await running_org.arrive("J-5", **facts, attributes={"last": "yes"})
        won = await client.post(f"/api/v1/leads/{lead}/claims", json={"queue_id": "new"})
        assert won.json()["result"] == "won", won.text
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (shown := (await client.get(f"/api/v1/leads/{lead}")).json()).get("inquiries", 0) < 6:
                await asyncio.sleep(0.05)
        attributes = shown["facts"]["attributes"]
        assert (
            attributes.items() >= {"kept-1": 1, "kept-2": 2, "kept-3": 3, "kept-4": 4, "last": "yes"}.items()
        )
        assert 8 * 15_000 < len(msgspec.json.encode(attributes)) <= MAX_ATTRIBUTES_BYTES
        noted = await client.post(
            f"/api/v1/leads/{lead}/actions", json={"type": "outcome", "outcome": "talked"}
        )
        assert noted.json()["result"] == "done", noted.text


async def test_d1_a_rep_cannot_open_a_whole_work_queue(running_org: RunningOrg) -> None:
    """A rep opened all 500 leads of a queue, in all partitions, and nobody else saw them for an hour."""
    await running_org.rep("rep-1")
    await running_org.publish("queue", "work", **WORK)
    leads = [await running_org.arrive(f"W-{n}", last_name=f"Jones {n}") for n in range(5)]
    async with await running_org.program("rep-1") as client:
        for lead in leads:
            await until_contains(client, "/api/v1/queues/work/leads", lead)

        async def opens(lead: str) -> tuple[int, dict[str, Any]]:
            answer = await client.post(f"/api/v1/leads/{lead}/actions", json={"type": "view"})
            return answer.status_code, answer.json()

        for lead in leads[:3]:
            status, body = await opens(lead)
            assert (status, body["result"]) == (HTTPStatus.OK, "done"), body
            async with asyncio.timeout(PATIENCE_SECONDS):
                while (await client.get(f"/api/v1/leads/{lead}")).status_code != HTTPStatus.OK:
                    await asyncio.sleep(0.05)
        status, body = await opens(leads[3])
        why = (
            "you have 3 leads open (Jones 0, Jones 1, Jones 2); at most 3 are allowed: finish or release one"
        )
        assert (status, body["detail"]) == (HTTPStatus.CONFLICT, why)
        released = await client.post(f"/api/v1/leads/{leads[0]}/actions", json={"type": "release"})
        assert released.json()["result"] == "done"
        status, body = await opens(leads[3])
        assert (status, body.get("result")) == (HTTPStatus.OK, "done"), body


async def test_a_rep_cannot_claim_faster_than_the_orgs_limit(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **NEW)
    await running_org.publish("settings", "settings", claims_per_minute=2)
    async with await running_org.program("rep-1") as client:
        ids = [str(uuid.uuid4()) for _ in range(PATIENCE_SECONDS.__ceil__() * 4)]
        answers = []
        for lead in ids:  # intake follows the settings; from then on a third claim within a minute is refused
            answer = await client.post(
                f"/api/v1/leads/{lead}/claims", json={}, headers={"Idempotency-Key": lead}
            )
            answers.append(answer.json())
            if answers[-1]["reason"] == "too_many_claims":
                break
        last = answers[-1]
        assert (last["result"], last["reason"]) == ("refused", "too_many_claims")
        assert "claimed" in last["why"]
        assert "try again at 20" in last["why"]
        again = await client.post(
            f"/api/v1/leads/{ids[len(answers) - 1]}/claims",
            json={},
            headers={"Idempotency-Key": ids[len(answers) - 1]},
        )
        assert again.json() == last, "X4: the same claim has the same answer"


async def test_a_person_has_a_bounded_number_of_streams(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.rep("rep-2")
    async with (
        await running_org.program("rep-1") as client,
        await running_org.program("rep-2") as other_client,
    ):
        async with AsyncExitStack() as streams:
            for _ in range(MAX_PER_PERSON):
                stream = await streams.enter_async_context(client.stream("GET", "/api/v1/live"))
                assert stream.status_code == HTTPStatus.OK
            refused = await client.get("/api/v1/live")
            assert refused.status_code == HTTPStatus.TOO_MANY_REQUESTS
            assert refused.json()["detail"].startswith(f"you have {MAX_PER_PERSON} open streams")
            assert "retry-after" in refused.headers
            async with other_client.stream("GET", "/api/v1/live") as stream:
                assert stream.status_code == HTTPStatus.OK, "the bound is each person's own"
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                async with client.stream("GET", "/api/v1/live") as stream:
                    if stream.status_code == HTTPStatus.OK:
                        break
                await asyncio.sleep(0.05)


async def test_a_person_has_a_bounded_number_of_preferences(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    async with await running_org.program("rep-1") as client:
        for n in range(MAX_PREFERENCES):
            answer = await client.put(f"/api/v1/preferences/p{n}", json={"n": n})
            assert answer.status_code == HTTPStatus.OK, answer.text
        refused = await client.put("/api/v1/preferences/further", json={})
        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert refused.json()["detail"] == f"name: you have {MAX_PREFERENCES} preferences already"
        replaced = await client.put("/api/v1/preferences/p7", json={"n": "new"})
        assert replaced.status_code == HTTPStatus.OK
        assert (await client.get("/api/v1/preferences/p7")).json() == {"n": "new"}
        refused = await client.patch("/api/v1/preferences/further", json={"n": 1})
        assert refused.json()["detail"] == f"name: you have {MAX_PREFERENCES} preferences already"


async def test_a_change_of_a_preference_keeps_the_rest_and_the_bound(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    async with await running_org.program("rep-1") as client:
        path = "/api/v1/preferences/shapes"
        changes = ({"a": 1, "b": 2}, {"b": None, "c": 3}, {"none": None}, {"a": {"deep": None}})
        answers = [(await client.patch(path, json=change)).json() for change in changes]
        assert answers == [
            {"a": 1, "b": 2},
            {"a": 1, "c": 3},
            {"a": 1, "c": 3},
            {"c": 3, "a": {"deep": None}},
        ]
        assert (await client.get(path)).json() == answers[-1]
        assert (await client.patch(path, json={"d": "d" * 6_000})).status_code == HTTPStatus.OK
        for too_large in ({"e": "e" * 6_000}, {"e": "e" * 11_000}):
            refused = await client.patch(path, json=too_large)
            assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
            assert refused.json()["detail"] == "body: a preference has at most 10000 bytes"
        assert "e" not in (await client.get(path)).json()
        patched = await asyncio.gather(*(client.patch(path, json={f"at once {n}": n}) for n in range(8)))
        assert {answer.status_code for answer in patched} == {HTTPStatus.OK}
        assert {f"at once {n}" for n in range(8)} <= set((await client.get(path)).json())


@pytest.mark.parametrize(
    "header", [",".join(f"column {n}" for n in range(30_000)), ",".join(["same" + "e" * 300] * 1_900)]
)
async def test_a_table_of_very_many_columns_is_refused_in_few_words(
    running_org: RunningOrg, header: str
) -> None:
    await running_org.rep("boss", "manager")
    async with await running_org.program("boss") as client:
        file = {"file": ("leads.csv", f"{header}\n1,2\n".encode(), "text/csv")}
        answer = await client.post("/api/v1/leads/lists", files=file)
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert str(MAX_COLUMNS) in answer.text or "file: header: there is no column lead_id" in answer.text
        assert len(answer.content) < 60_000


async def test_another_orgs_answers_stay_there(running_org: RunningOrg) -> None:
    """`GET /actions/{id}` compared only the rep's id, which may occur in every org."""
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **NEW)
    lead = await running_org.arrive("O-1", last_name="Jones")
    key = str(uuid.uuid4())
    async with await running_org.program("rep-1") as client:
        await until_contains(client, "/api/v1/queues/new/leads", lead)
        won = await client.post(
            f"/api/v1/leads/{lead}/claims", json={"queue_id": "new"}, headers={"Idempotency-Key": key}
        )
        assert won.json()["result"] == "won", won.text
        assert (await client.get(f"/api/v1/actions/{key}")).json() == won.json()
    running_org.org = f"{running_org.org}-other"
    running_org.client.org = running_org.org
    await running_org.rep("rep-1")
    async with await running_org.program("rep-1") as stranger:
        assert (await stranger.get(f"/api/v1/actions/{key}")).status_code == HTTPStatus.NOT_FOUND
        same = await stranger.post(
            f"/api/v1/leads/{lead}/claims", json={"queue_id": "new"}, headers={"Idempotency-Key": key}
        )
        assert "won" not in same.text
        assert same.json().get("owner") is None


async def letters_of(running_org: RunningOrg, *values: bytes) -> dict[bytes, StoredDeadLetter]:
    """Wait until these values are among the dead letters; return the letter of each."""
    letters: dict[bytes, StoredDeadLetter] = {}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(letters) < len(values):
            async for record in read_topic(running_org.stack.settings, DEAD_LETTERS):
                letter = read_letter(record)
                if letter.value in values:
                    letters[letter.value] = letter
            await asyncio.sleep(0.05)
    return letters


async def test_a_message_that_cannot_be_read_is_shown_to_no_org(running_org: RunningOrg) -> None:
    """It was shown to the managers of `default`, whoever had sent it."""
    await running_org.rep("boss", "manager")
    mark = f"torn-{running_org.org}"
    torn = f'{{"vendor": "acme", "org": "{running_org.org}", "last_name": "{mark}'.encode()
    named = msgspec.json.encode({"vendor": "acme", "org": running_org.org, "attributes": {"mark": mark}})
    for value in (torn, named):  # the second is refused too: it names nobody
        await (await running_org.client.put(LEAD_ARRIVALS, value, key=mark.encode()))
    letters = await letters_of(running_org, torn, named)
    assert (org_of(letters[torn]), org_of(letters[named])) == (None, running_org.org)
    path = "/api/v1/operations/dead-letters"
    async with await running_org.program("boss") as client:
        await until_contains(client, path, letters[named].position)
        assert (await client.get(f"{path}/{letters[named].position}")).status_code == HTTPStatus.OK
        assert letters[torn].position not in [listed["place"] for listed in (await client.get(path)).json()]
        assert (await client.get(f"{path}/{letters[torn].position}")).status_code == HTTPStatus.NOT_FOUND
        running_org.org = running_org.client.org = f"{running_org.org}-other"
        await running_org.rep("boss", "manager")
        async with await running_org.program("boss") as stranger:
            for letter in letters.values():
                assert letter.position not in (await stranger.get(path)).text
                status = (await stranger.get(f"{path}/{letter.position}")).status_code
                assert status == HTTPStatus.NOT_FOUND


async def test_no_queue_shadows_a_reps_own_queue(running_org: RunningOrg) -> None:
    """A queue with the id `rep/rep-1` was mixed with the own queue of rep-1, which shows facts of its leads."""
    await running_org.rep("rep-1")
    values = []
    for queue_id in ("rep/rep-1", "mine"):
        value = msgspec.json.encode({"queue_id": queue_id, "name": f"{running_org.org} {queue_id}"})
        key = f"{running_org.org}/queue/{queue_id}".encode()
        await (await running_org.client.put(DIRECTORY, value, key=key))
        values.append(value)
    for letter in (await letters_of(running_org, *values)).values():
        assert "is reserved for reps' own queues" in letter.reason
    async with await running_org.program("rep-1") as client:
        assert (await client.get("/api/v1/queues/mine/leads")).json()["queue_id"] == "mine"
        assert (await client.get("/api/v1/queues")).json() == []
