"""Looks up in the CRM database what becomes of the rows of an uploaded file, and then what became of them (V1, V6)."""

import asyncio
from collections import deque
from typing import Final

from sqlalchemy import Engine

from application.importing.forecast import Forecast, KnownArrival, RowFate
from application.importing.import_rows import ImportRow
from models.directory import OrgSettings
from sink.db_errors import translated_errors
from sink.known_arrivals import arrivals_of
from web.services.upload_report import answer_of, csv_of

ANSWERS_S: Final = 20.0
"""How long an upload waits for the engine's answers in total."""
ASKED_EVERY_S: Final = 0.2

Lines = list[tuple[tuple[str, ...], str | None]]
"""Lines of the report, each with the id of its arrival; None where the engine is not asked."""


def arrival_of(row: ImportRow, fate: RowFate) -> str:
    """Return the id by which the engine knows a row: that of its own lead where its vendor's id was reused (K6)."""
    return fate.lead_id if fate.lead_id is not None and fate.kind in ("new", "resend") else row.lead_id


class Answers:
    """Reads what the engine decided about rows, from the CRM database. It waits `ANSWERS_S` in total."""

    def __init__(self, org: str, crm: Engine) -> None:
        self._org, self._crm = org, crm
        self._left_s = ANSWERS_S

    async def next_part(self, waiting: deque[Lines], *, leave: int) -> str:
        """Return the report's next part: the oldest lines that wait, none while at most `leave` of them wait."""
        if len(waiting) <= leave:
            return ""
        lines = waiting.popleft()
        ids = {arrival_id for _, arrival_id in lines if arrival_id is not None}
        loop = asyncio.get_running_loop()
        began = loop.time()
        leads = await asyncio.to_thread(self._leads, ids)
        while not ids <= leads.keys() and loop.time() - began < self._left_s:
            await asyncio.sleep(ASKED_EVERY_S)
            leads = await asyncio.to_thread(self._leads, ids)
        self._left_s -= loop.time() - began
        return csv_of(
            [line if arrival_id is None else answer_of(line, arrival_id, leads) for line, arrival_id in lines]
        )

    def _leads(self, ids: set[str]) -> dict[str, str]:
        with translated_errors("CRM database"), self._crm.connect() as connection:
            arrivals = arrivals_of(connection, self._org, ids, (), ())
        return {arrival_id: lead_id for arrival_id, lead_id, _ in arrivals if arrival_id in ids}


class FateDecider:
    """Decides the fates of rows by what the CRM database knows. Blocking, for one thread at a time."""

    def __init__(self, org: str, settings: OrgSettings, crm: Engine) -> None:
        self._org, self._crm = org, crm
        self._forecast = Forecast(org, settings)

    def fates(self, rows: list[ImportRow]) -> list[tuple[ImportRow, RowFate]]:
        """Return the rows with their fates."""
        facts = [row.facts for row in rows if row.facts is not None]
        ids = {row.lead_id for row in rows if row.facts is not None}
        phones = {row_facts.phone for row_facts in facts if row_facts.phone}
        emails = {row_facts.email for row_facts in facts if row_facts.email}
        with translated_errors("CRM database"), self._crm.connect() as connection:
            arrivals = arrivals_of(connection, self._org, ids, phones, emails)
        self._forecast.put(KnownArrival(*arrival) for arrival in arrivals)
        return [(row, self._forecast.fate(row)) for row in rows]
