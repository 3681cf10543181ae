"""A vendor at the HTTP door: its key, its posts, and what of them is on `lead-arrivals`."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.topics import LEAD_ARRIVALS, partitions_of
from tests.fixtures.waiting import PATIENCE_SECONDS
from web.settings import WebSettings
from web.store.sealing import vault
from web.store.vendor_keys import VendorKeys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Engine

    from runtime.up import RunningStack
    from tests.web.running_org import RunningOrg

RECORDED: Final = Path(__file__).parent / "recorded_posts"
EXAMPLES: Final = Path(__file__).parents[2] / "docs" / "examples" / "vendors"
DOOR: Final = "/api/v1/leads/acme"
LEAD: Final = {
    "external_id": "A-1",
    "first_name": "Jeremy",
    "last_name": "Jones",
    "mobile": "(401) 419-4247",
    "postal_code": "02903",
    "loan_amount": "$310,000",
    "gclid": "x1",
}
SECRET: Final = "a secret that both sides know"  # noqa: S105  # of keys that exist only during a test
JSON_TYPE: Final = {"content-type": "application/json"}
FORM: Final = "application/x-www-form-urlencoded"


def keys_of(stack: RunningStack, store: Engine) -> VendorKeys:
    """Return the vendors' keys of the running console."""
    return VendorKeys(store, vault(WebSettings.read(state_dir=stack.settings.state_dir)))


@asynccontextmanager
async def arrivals(running_org: RunningOrg) -> AsyncIterator[Arrivals]:
    """Yield what comes to `lead-arrivals` from now on, as a client that is not ours reads it."""
    settings = running_org.stack.settings
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers, isolation_level="read_committed"
    )
    consumer.assign([TopicPartition(LEAD_ARRIVALS, p) for p in range(partitions_of(LEAD_ARRIVALS, settings))])
    await consumer.start()
    try:
        await consumer.seek_to_end()
        for partition in consumer.assignment():
            await consumer.position(partition)
        yield Arrivals(consumer, running_org.org)
    finally:
        await consumer.stop()


class Arrivals:
    """The records of one org since it was made."""

    def __init__(self, consumer: AIOKafkaConsumer, org: str) -> None:
        self._consumer, self._org = consumer, org

    async def take(self) -> list[Any]:
        """Return the org's records up to the end of the topic."""
        records: list[Any] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            ends = await self._consumer.end_offsets(self._consumer.assignment())
            while any([await self._consumer.position(tp) < end for tp, end in ends.items()]):
                for batch in (await self._consumer.getmany(timeout_ms=200)).values():
                    records += [record for record in batch if _org_of(record.value) == self._org]
        return records

    async def messages(self) -> list[dict[str, Any]]:
        """Return the org's messages up to the end of the topic."""
        return [json.loads(record.value) for record in await self.take()]


def _org_of(value: bytes) -> str | None:
    try:
        value_read = json.loads(value)
    except ValueError:
        return None
    return value_read.get("org", "default") if isinstance(value_read, dict) else None


def client(running_org: RunningOrg, secret: str | None) -> httpx.AsyncClient:
    """Return a client with a vendor's key."""
    headers = {} if secret is None else {"authorization": f"Bearer {secret}"}
    return httpx.AsyncClient(base_url=running_org.url, headers=headers, timeout=PATIENCE_SECONDS)


def issue_key(running_org: RunningOrg, store: Engine, vendor: str = "acme", **more: Any) -> str:
    """Return a new key of a vendor."""
    return keys_of(running_org.stack, store).issue(running_org.org, vendor, "test", by="test", **more)[0]
