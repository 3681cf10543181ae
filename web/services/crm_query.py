"""Runs one query on the CRM database in a thread."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from sink.db_errors import translated_errors
from web.console_services import Services

T = TypeVar("T")


async def ask(parts: Services, question: Callable[[Connection], T]) -> T:
    """Run a query on the CRM database in a thread. Raises `RetryableError` if the database is unavailable."""

    def run() -> T:
        with translated_errors("CRM database"), parts.crm.connect() as connection:
            return question(connection)

    return await asyncio.to_thread(run)
