"""Reads the people that the demo's database already has. The sample leads are other people."""

from typing import Final

from sqlalchemy import inspect, select

from sink.database_engine import connect
from sink.tables import LeadTable

MAX_LEADS: Final = 1_000_000
"""The most leads that are read. The sample has fewer phone numbers than this."""


def people_of(database_url: str) -> frozenset[str]:
    """Return the phone numbers (ten digits) and mail addresses of all leads. Empty if there is no table yet."""
    engine = connect(database_url)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table(LeadTable.__tablename__):
                return frozenset()
            rows = connection.execute(select(LeadTable.phone, LeadTable.email).limit(MAX_LEADS))
            return frozenset(
                value.removeprefix("+1") for row in rows for value in (row.phone, row.email) if value
            )
    finally:
        engine.dispose()
