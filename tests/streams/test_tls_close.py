"""A connection with TLS closes at once, also one that its broker has ended before."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest
import trustme
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError

from streams.patches import tls_close
from tests.fixtures.waiting import PATIENCE_SECONDS


async def end_at_the_first_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """End a connection as a broker that is killed: without the end of TLS."""
    await reader.read(1)
    writer.transport.abort()


async def test_a_connection_that_the_broker_ended_is_closed_without_an_error_of_our_own() -> None:
    ca = trustme.CA()
    of_broker, of_client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    ca.issue_cert("localhost").configure_cert(of_broker)
    ca.configure_trust(of_client)
    tls_close.install()
    logged: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
    broker = await asyncio.start_server(end_at_the_first_request, "localhost", 0, ssl=of_broker)
    async with asyncio.timeout(PATIENCE_SECONDS), broker:
        port = broker.sockets[0].getsockname()[1]
        with pytest.raises(KafkaConnectionError):
            await create_conn("localhost", port, ssl_context=of_client, security_protocol="SSL")
    assert logged == []
