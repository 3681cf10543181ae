"""Sends leads, signatures and dead letters on a secured Kafka, and looks for them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sqlite3
import time
import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from streams.dead_letter_reading import read_letter
from streams.topic_reader import read_topic
from streams.topics import DEAD_LETTERS
from tests.fixtures.waiting import until
from tests.secured.stack import KEYS, SECONDS

if TYPE_CHECKING:
    from tests.secured.stack import Secured

TOPIC_SECONDS: Final = 0.5
"""The interval between looks that read a whole topic."""


def lead(vendor: str = "acme", **more: Any) -> tuple[str, bytes]:
    """Return the vendor's id of a new lead, and the lead's bytes."""
    external_id = uuid.uuid4().hex
    message = {"vendor": vendor, "external_id": external_id, "last_name": "Jones", "campaign": "west", **more}
    return external_id, json.dumps(message).encode()


def row(secured: Secured, external_id: str) -> tuple[str, str | None] | None:
    """Return id and owner of a lead in the CRM database, or None if it is not there."""
    with closing(sqlite3.connect(secured.folder / "crm.sqlite")) as database:
        id_and_owner: tuple[str, str | None] | None = database.execute(
            "SELECT l.lead_id, a.rep_id FROM lead l LEFT JOIN assignment a USING (lead_id)"
            " WHERE json_extract(l.facts, '$.external_id') = ?",
            (external_id,),
        ).fetchone()
    return id_and_owner


def until_in_database(secured: Secured, external_id: str) -> str:
    """Wait until a lead is in the CRM database; return its id."""
    assert until(lambda: row(secured, external_id) is not None, SECONDS), "the lead did not arrive"
    stored = row(secured, external_id)
    assert stored is not None
    return stored[0]


def sign(value: bytes, key: str, topic: str, *, vendor: str = "") -> dict[str, bytes]:
    """Return the headers that sign a value, computed as docs/kafka-access.md describes and not by our code."""
    now = str(int(time.time()))
    text = f"firstclaim-v1\n{topic}\n{key}\n{vendor}\n{now}\n".encode() + value
    signature = hmac.new(KEYS[key].encode(), text, hashlib.sha256).hexdigest()
    named = {"fc-vendor": vendor.encode()} if vendor else {}
    return {
        "fc-key-id": key.encode(),
        "fc-timestamp": now.encode(),
        "fc-signature": signature.encode(),
        **named,
    }


def letter_of(secured: Secured, value: bytes) -> tuple[str, str]:
    """Wait for the dead letter of a value; return its class and reason."""
    letters: list[tuple[str, str]] = []

    async def read_letters() -> None:
        async for record in read_topic(secured.user("firstclaim-operator"), DEAD_LETTERS):
            if record.value == value:
                letter = read_letter(record)
                letters.append((letter.error_class, letter.reason))

    def letter_exists() -> bool:
        asyncio.run(read_letters())
        return bool(letters)

    assert until(letter_exists, SECONDS, every=TOPIC_SECONDS), "there is no dead letter"
    return letters[0]


def letter_seen(secured: Secured, value: bytes) -> bool:
    """Return whether a value is among the dead letters."""

    async def letter_exists() -> bool:
        return any(
            [
                record.value == value
                async for record in read_topic(secured.user("firstclaim-operator"), DEAD_LETTERS)
            ]
        )

    return asyncio.run(letter_exists())
