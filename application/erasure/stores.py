"""Removes what databases and Valkey still have of erased persons after their rows were replaced.

The sink replaces the rows of an erased lead, and the board removes it from its lists. What stays is the history of the
live feed, rows of other tables that quote a phone, mail address or name, and the freed pages of the files.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import redis.asyncio
from redis.exceptions import RedisError
from sqlalchemy import JSON, Connection, Engine, MetaData, Table, Text, inspect, select, update
from sqlalchemy.exc import SQLAlchemyError

from application.erasure.erased_data_finder import Finder
from board.connection import connect as connect_valkey
from models.errors import RetryableError
from sink.database_engine import connect
from sink.db_errors import translated_errors

FEED: Final = "feed:*"
SLICE: Final = 1_000
_LEAD_ID: Final = "lead_id"
_ORG: Final = "org"
_SKIPPED: Final = frozenset({"alembic_version", "sink_offset"})


def blank(database_url: str, org: str, finder: Finder, database: str) -> int:
    """Empty every text of an org in the console's database that has data of an erased person; return how many rows had.

    `database`: the database's name in errors. Blocking: call it in a thread. A JSON value keeps its form. This is for
    drafts, views and preferences. Rows of the CRM database are replaced by the sink.
    """
    engine = connect(database_url)
    changes: list[Any] = []
    try:
        with translated_errors(database), engine.connect() as connection:
            for table in tables(engine):
                changes += _changes(connection, table, org, finder)
        with translated_errors(database), engine.execution_options(writes=True).begin() as connection:
            for statement in changes:
                connection.execute(statement)
    finally:
        engine.dispose()
    return len(changes)


def _changes(connection: Connection, table: Table, org: str, finder: Finder) -> Iterator[Any]:
    """Yield the updates of a table's rows. They are collected first, so that no writer waits for the reading."""
    columns, keys = _text_columns(table), list(table.primary_key.columns)
    if not columns or not keys or _ORG not in table.columns:
        return
    rows = select(*keys, *columns).where(table.columns[_ORG] == org)
    for row in connection.execution_options(yield_per=SLICE).execute(rows):
        values = dict(zip((column.name for column in columns), row[len(keys) :], strict=True))
        new = {name: _blanked(finder, value) for name, value in values.items() if finder.find(as_text(value))}
        if new:
            match = [key == value for key, value in zip(keys, row[: len(keys)], strict=True)]
            yield update(table).where(*match).values(**new)


def compact(database_url: str, database: str) -> None:
    """Rewrite a database's files without what was removed. Blocking. Raises `RetryableError`."""
    engine = connect(database_url)
    try:
        with (
            translated_errors(database),
            engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        ):
            if engine.dialect.name == "sqlite":
                raw: Any = connection.connection.driver_connection
                raw.execute("VACUUM")
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            else:
                connection.exec_driver_sql("VACUUM")
    except SQLAlchemyError as error:
        raise RetryableError(database, str(error).splitlines()[0]) from error
    finally:
        engine.dispose()


def rows_with(database_url: str, finder: Finder) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield (table, lead id or key, what) for each row that has data of an erased person. Blocking."""
    engine = connect(database_url)
    try:
        with engine.connect() as connection:
            for table in tables(engine):
                yield from _rows_with(connection, table, finder)
    finally:
        engine.dispose()


def _rows_with(
    connection: Connection, table: Table, finder: Finder
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for row in connection.execution_options(yield_per=SLICE).execute(select(table)).mappings():
        lead_id = str(row.get(_LEAD_ID) or "")
        kinds: dict[str, None] = {}
        org = row.get(_ORG)
        orgs = finder.orgs_of("", of_lead=lead_id) if org is None else frozenset({str(org)})
        for value in row.values():
            if isinstance(value, str | dict | list):
                kinds.update(dict.fromkeys(finder.find(as_text(value), of_lead=lead_id, orgs=orgs)))
        if "first_name" in row or "prospect_name" in row:
            names = {
                name: row[name] for name in ("first_name", "last_name", "prospect_name") if row.get(name)
            }
            kinds.update(dict.fromkeys(finder.find(as_text(names), of_lead=lead_id, orgs=orgs)))
        if kinds:
            yield table.name, lead_id or str(next(iter(row.values()))), tuple(kinds)


def tables(engine: Engine) -> list[Table]:
    """Return the tables of a database; none if it cannot be read yet."""
    metadata = MetaData()
    names = [name for name in inspect(engine).get_table_names() if name not in _SKIPPED]
    metadata.reflect(engine, only=names)
    return list(metadata.sorted_tables)


def _text_columns(table: Table) -> list[Any]:
    return [
        column
        for column in table.columns
        if isinstance(column.type, Text | JSON) or "CHAR" in str(column.type).upper()
        if not column.primary_key
    ]


def as_text(value: Any) -> str:
    """Return a column's value as text: JSON for objects and lists."""
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def _blanked(finder: Finder, value: Any) -> Any:
    """Return a value in which every text with data of an erased person is empty."""
    if isinstance(value, dict):
        return {name: _blanked(finder, element) for name, element in value.items()}
    if isinstance(value, list):
        return [_blanked(finder, element) for element in value]
    if not isinstance(value, str):
        return value
    if value[:1] in "{[":
        try:
            return msgspec.json.encode(_blanked(finder, msgspec.json.decode(value))).decode()
        except msgspec.MsgspecError:
            pass
    return "" if finder.find(value) else value


# -- Valkey ------------------------------------------------------------------------------------------------------------


async def trim_feeds(redis_url: str, finder: Finder) -> int:
    """Remove each feed that has entries about erased leads, and rewrite Valkey's file; return the number of entries.

    Open pages then read their lists again. Raises `RetryableError`.
    """
    client: Any = connect_valkey(redis_url)
    removed = 0
    try:
        async for feed in client.scan_iter(match=FEED, count=SLICE):
            after, count = "-", 0
            while entries := await client.xrange(feed, after, "+", count=SLICE):
                count += sum(
                    fields.get(b"lead_id", b"").decode() in finder.leads
                    or bool(finder.find(fields.get(b"payload", b"").decode(errors="replace")))
                    for _, fields in entries
                )
                after = f"({entries[-1][0].decode()}"
            if (
                count
            ):  # XDEL would only mark the entries, and their bytes would stay in Valkey's memory and file
                await client.delete(feed)
                removed += count
        await _rewrite(client)
    except (RedisError, OSError) as error:
        raise RetryableError("Valkey", str(error)) from error
    finally:
        await client.aclose()
    return removed


async def rewrite_file(redis_url: str) -> None:
    """Let Valkey rewrite its append-only file without what was removed since. Raises `RetryableError`."""
    client = connect_valkey(redis_url)
    try:
        await _rewrite(client)
    except (RedisError, OSError) as error:
        raise RetryableError("Valkey", str(error)) from error
    finally:
        await client.aclose()


async def _rewrite(client: redis.asyncio.Redis) -> None:
    """Let Valkey rewrite its append-only file, if it has one; the old one repeats what was removed."""
    plain_client: Any = client
    info = await plain_client.info("persistence")
    if info.get("aof_enabled") and not info.get("aof_rewrite_in_progress"):
        await plain_client.bgrewriteaof()


async def keys_with(redis_url: str, finder: Finder) -> list[tuple[str, tuple[str, ...]]]:
    """Return (key, what) for each key of Valkey that has data of an erased person. Raises `RetryableError`."""
    client: Any = connect_valkey(redis_url)
    keys = []
    try:
        async for key in client.scan_iter(count=SLICE):
            name = key.decode(errors="replace")
            kinds = set(finder.find(name))
            async for text, lead_id in _texts(client, key):
                orgs = finder.orgs_of(f"{text} {name}", of_lead=lead_id)
                kinds |= set(finder.find(text, of_lead=lead_id, orgs=orgs))
            if kinds:
                keys.append((name, tuple(sorted(kinds))))
    except (RedisError, OSError) as error:
        raise RetryableError("Valkey", str(error)) from error
    finally:
        await client.aclose()
    return keys


async def _texts(client: Any, key: bytes) -> Any:
    """Yield (text, lead id or None) for each part of a key's value."""
    kind = (await client.type(key)).decode()
    if kind == "string":
        yield ((await client.get(key)) or b"").decode(errors="replace"), None
    elif kind == "hash":
        async for field, value in client.hscan_iter(key, count=SLICE):
            field_text = field.decode(errors="replace")
            yield field_text, None
            yield value.decode(errors="replace"), field_text
    elif kind == "zset":
        async for member, _ in client.zscan_iter(key, count=SLICE):
            yield member.decode(errors="replace"), None
    elif kind == "stream":
        after = "-"
        while entries := await client.xrange(key, after, "+", count=SLICE):
            for _, fields in entries:
                lead_id = fields.get(b"lead_id", b"").decode()
                for value in fields.values():
                    yield value.decode(errors="replace"), lead_id
            after = f"({entries[-1][0].decode()}"
