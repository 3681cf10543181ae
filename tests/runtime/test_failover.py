"""The runtime's Valkey and Postgres fail over, keep their address, and are whole again. Doctor says what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
import redis

from board.connection import connect_blocking
from runtime import doctor
from runtime.postgres_pair import PostgresPair
from runtime.valkey_group import ValkeyGroup
from streams.settings import Settings
from streams.valkey_url import url_without_secrets
from tests.fixtures.servers import unique

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.checks import Check

pytestmark = pytest.mark.slow


def checks_by_name(settings: Settings) -> dict[str, Check]:
    checks = [
        doctor._reach(
            "Valkey", "REDIS_URL", url_without_secrets(settings.redis_url), doctor._ask_valkey, settings
        ),
        *doctor._sentinels(settings),
        *doctor._valkey_limits(settings),
    ]
    return {check.name: check for check in checks}


def http_check(url: str) -> Check:
    settings = Settings.read(database_url=url)
    return doctor._reach("CRM database", "DATABASE_URL", "here", doctor._ask_database, settings)


def test_a_valkey_that_is_killed_or_paused_is_promoted_over_and_comes_back_as_a_replica(
    tmp_path: Path,
) -> None:
    with ValkeyGroup(tmp_path / "valkey") as group:
        client = connect_blocking(group.url, 5.0)
        client.set("kept", "1")
        for outage, recovery in (("kill9", "start"), ("suspend", "resume")):
            former = group.primary()
            getattr(former, outage)()
            promoted = group.until_promoted(former)
            assert promoted is not former
            getattr(former, recovery)()
            group.until_whole()
            assert group.primary() is promoted
            client.set(outage, "2")
            with redis.Redis.from_url(former.url) as replica:
                assert replica.info("replication")["role"] == "slave"
        assert client.get("kept") == b"1"
        client.close()

        settings = Settings.read(state_dir=tmp_path, redis_url=group.url)
        checks = checks_by_name(settings)
        assert all(check.ok for check in checks.values()), checks
        assert "3 of 3 answer" in checks["Valkey sentinels"].detail
        (replica_server,) = (server for server in group.servers if server is not group.primary())
        at_replica = checks_by_name(Settings.read(state_dir=tmp_path, redis_url=replica_server.url))
        assert not at_replica["Valkey role"].ok
        assert "takes no writes" in at_replica["Valkey role"].detail
        unknown = checks_by_name(
            Settings.read(state_dir=tmp_path, redis_url=group.url.replace("mymaster", "other"))
        )
        assert not unknown["Valkey"].ok
        assert "other is none" in unknown["Valkey sentinels"].detail
        group.sentinels[0].kill9()
        silent = checks_by_name(settings)
        assert silent["Valkey"].ok
        assert not silent["Valkey sentinels"].ok
        assert group.sentinels[0].address in silent["Valkey sentinels"].hint


def test_a_postgres_keeps_its_address_through_a_kill_a_stop_and_a_failover(server_folder: Path) -> None:
    with PostgresPair(server_folder / unique("pair")) as pair:
        url, address = pair.url, pair.primary.connection_text

        def ask(sql: str) -> list[tuple[object, ...]]:
            with psycopg.connect(address, autocommit=True) as connection:
                cursor = connection.execute(sql.encode())
                return cursor.fetchall() if cursor.description else []

        ask("CREATE TABLE kept (n int)")
        ask("INSERT INTO kept VALUES (1)")
        pair.primary.kill9()
        with pytest.raises(psycopg.OperationalError):
            ask("SELECT 1")
        pair.restart()
        pair.stop_immediately()
        pair.restart()
        for _ in range(2):  # there and back
            pair.move()
            assert ask("SELECT * FROM kept") == [(1,)]
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                ask("INSERT INTO kept VALUES (2)")
            assert "a standby, which takes no changes" in http_check(url).detail
            pair.promote()
            assert http_check(url).ok
        ask("INSERT INTO kept VALUES (3)")
        assert ask("SELECT * FROM kept") == [(1,), (3,)]
        assert pair.url == url
