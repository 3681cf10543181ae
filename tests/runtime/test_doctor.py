"""The doctor finds what is wrong by doing it, and says what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis

from runtime import ValkeyServer, checks, doctor
from runtime.checks import plaintext
from runtime.doctor import examine
from runtime.process import free_port
from runtime.topic_checks import TopicReplication, judge_topics
from streams.settings import Settings
from streams.topics import TOPICS, config_of

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.checks import Check


def checks_by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


@pytest.mark.kafka
async def test_all_is_well_where_everything_answers(settings: Settings, postgres_url: str) -> None:
    """Called from inside a running loop, as a console would."""
    checks = examine(settings.model_copy(update={"database_url": postgres_url}))
    assert [check for check in checks if not check.ok] == []
    by_name = checks_by_name(checks)
    assert "group coordinator is node" in by_name["Kafka"].detail
    assert by_name["CRM database"].detail.endswith(": reachable")
    assert by_name["faust extensions"].detail == "compiled"
    assert by_name["Kafka topics"].detail.startswith(("none yet", "all "))
    assert not any("@" in check.detail for check in checks)  # no password on the screen


ALL_KEPT = {topic.name: TopicReplication(replicas=3, in_sync=2) for topic in TOPICS}


@pytest.mark.parametrize(
    ("brokers", "replications", "wrong", "expected", "hint"),
    [
        (3, {}, "", "none yet", ""),
        (3, ALL_KEPT, "", "3 brokers or more keep each record, and 2 have it", ""),
        (1, {name: TopicReplication(1, 1) for name in ALL_KEPT}, "", "one broker keeps every record", ""),
        (
            2,
            {name: TopicReplication(2, 1) for name in ALL_KEPT},
            "Kafka copies",
            "2 brokers: while one is away",
            "3 brokers",
        ),
        (
            3,
            {"directory": TopicReplication(3, 2)},
            "Kafka topics",
            "lead-arrivals, lead-actions",
            "firstclaim topics",
        ),
        (
            3,
            ALL_KEPT | {"lead-log": TopicReplication(2, 2)},
            "Kafka copies",
            "lead-log kept by fewer than 3",
            "reassign",
        ),
        (
            3,
            ALL_KEPT | {"audit": TopicReplication(3, 1)},
            "Kafka copies",
            "audit with min.insync.replicas below 2",
            "=2",
        ),
    ],
)
def test_a_cluster_that_would_lose_records_with_a_broker_is_a_finding(
    brokers: int, replications: dict[str, TopicReplication], wrong: str, expected: str, hint: str
) -> None:
    checks = judge_topics(brokers, replications)
    assert [check.name for check in checks if not check.ok] == ([wrong] if wrong else [])
    assert any(expected in check.detail for check in checks)
    assert hint in "".join(check.hint for check in checks)


def test_topics_with_three_copies_are_made_so_that_two_brokers_have_each_record() -> None:
    for copies, minimum in ((1, None), (2, None), (3, "2"), (5, "2")):
        settings = Settings.read(replication_factor=copies)
        assert {config_of(topic, settings).get("min.insync.replicas") for topic in TOPICS} == {minimum}


@pytest.mark.kafka
def test_the_consoles_database_is_asked_where_the_environment_names_it(
    settings: Settings, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "console database" not in checks_by_name(examine(settings))
    variable = "FIRSTCLAIM_CONSOLE_DATABASE_URL"
    monkeypatch.setenv(variable, postgres_url.replace("postgresql+psycopg://", "postgresql://"))
    assert checks_by_name(examine(settings))["console database"].ok
    monkeypatch.setenv(variable, f"postgresql://u:secret-word@127.0.0.1:{free_port()}/d")
    check = checks_by_name(examine(settings))["console database"]
    assert not check.ok
    assert variable in check.hint
    assert "secret-word" not in check.detail
    monkeypatch.setenv(variable, f"postgresql://u@0.0.0.0:{free_port()}/console")
    assert not checks_by_name(examine(settings))["console database encryption"].ok


@pytest.fixture
def _asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a client of Valkey fail that pauses to try again."""

    def pause(seconds: float) -> None:
        raise AssertionError(f"it pauses for {seconds} s")

    monkeypatch.setattr("redis.retry.sleep", pause)


@pytest.mark.usefixtures("_asked_once")
def test_each_thing_that_does_not_answer_is_named_with_what_to_do(tmp_path: Path) -> None:
    dead = free_port()
    settings = Settings.read(
        state_dir=tmp_path,
        kafka_bootstrap_servers=f"127.0.0.1:{dead}",
        redis_url=f"redis://:secret-word@127.0.0.1:{dead}/0",
        database_url=f"postgresql://u:secret-word@127.0.0.1:{dead}/d",
    )
    bad = [check for check in examine(settings) if not check.ok]
    assert [check.name for check in bad] == ["Kafka", "Valkey", "CRM database"]
    for check, variable in zip(bad, ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL", "DATABASE_URL"), strict=True):
        assert variable in check.hint
        assert str(dead) in check.detail
        assert "secret-word" not in check.detail


@pytest.mark.usefixtures("_asked_once")
def test_sentinels_of_which_none_answers_name_no_primary(tmp_path: Path) -> None:
    dead = f"127.0.0.1:{free_port()}"
    url = f"redis+sentinel://:secret-word@{dead}/mymaster/0?sentinel_password=other-word"
    (check,) = doctor._sentinels(Settings.read(state_dir=tmp_path, redis_url=url))
    assert (check.ok, check.detail) == (False, "0 of 1 answer")
    assert check.hint.startswith(dead)
    assert "-word" not in check.hint


@pytest.mark.parametrize(
    ("values", "named", "hint"),
    [
        (
            {"kafka_bootstrap_servers": "127.0.0.1:1,kafka.lender.example:9092"},
            "Kafka encryption",
            "SASL_SSL",
        ),
        ({"redis_url": "redis://valkey.lender.example:6379/0"}, "Valkey encryption", "rediss://"),
        (
            {"redis_url": "redis+sentinel://127.0.0.1:1,valkey.lender.example/m/0"},
            "Valkey encryption",
            "rediss+sentinel://",
        ),
        ({"database_url": "postgresql://u@db.lender.example/crm"}, "CRM database encryption", "sslmode"),
        (
            {"database_url": "postgresql://u@10.0.0.7/crm?sslmode=prefer"},
            "CRM database encryption",
            "sslmode",
        ),
        (
            {"database_url": "postgresql://u:p@/crm?host=127.0.0.1:5432&host=db2.lender.example:5432"},
            "CRM database encryption",
            "sslmode",
        ),
        (
            {"database_url": "postgresql://u:p@/crm?host=127.0.0.1,db2.lender.example&port=5432"},
            "CRM database encryption",
            "sslmode",
        ),
    ],
)
def test_plaintext_to_another_machine_is_a_finding(values: dict[str, str], named: str, hint: str) -> None:
    (check,) = plaintext(Settings.read(**values))
    assert (check.name, check.ok) == (named, False)
    assert "lender.example" in check.detail or "10.0.0.7" in check.detail
    assert "127.0.0.1" not in check.detail
    assert hint in check.hint


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"kafka_bootstrap_servers": "localhost:1,127.1.2.3:1,[::1]:1"},
        {"redis_url": "rediss://valkey.lender.example:6379/0"},
        {"redis_url": "unix:///run/valkey.sock"},
        {"redis_url": "rediss+sentinel://valkey.lender.example/m/0"},
        {"database_url": "postgresql://u@db.lender.example/crm?sslmode=verify-full"},
        {"database_url": "postgresql:///crm?host=/run/postgresql"},
        {"database_url": "postgresql://u:p@/crm?host=[::1]:5432&host=localhost:5433"},
    ],
)
def test_what_stays_here_or_is_encrypted_is_no_finding(values: dict[str, str]) -> None:
    assert list(plaintext(Settings.read(**values))) == []


def test_a_codec_that_is_not_installed_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """P1: one zstd batch ended every worker, and doctor said that all is well."""
    monkeypatch.setitem(checks.CODECS, "zstd", lambda: False)
    check = checks.codecs()
    assert not check.ok
    assert check.detail.startswith("zstd cannot be read")
    assert "aiokafka[all]" in check.hint


def test_a_valkey_that_evicts_or_is_full_is_a_finding(tmp_path: Path) -> None:
    """On a real one: at its limit it would throw entries of the lists away, and never say so."""
    with ValkeyServer(tmp_path / "valkey") as server:
        settings = Settings.read(state_dir=tmp_path, redis_url=server.url)
        assert [check.ok for check in doctor._valkey_limits(settings)] == [True, True, True]
        with redis.Redis.from_url(server.url) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
            client.config_set("maxmemory", "1mb")
            _, evicts, full = doctor._valkey_limits(settings)
            assert (evicts.ok, full.ok) == (False, False)
            assert "noeviction" in evicts.hint
            assert "maxmemory" in full.hint


def test_a_half_given_configuration_is_a_finding_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_SASL_USERNAME", "us")
    last = examine()[-1]
    assert (last.name, last.ok) == ("settings", False)
    assert "KAFKA_SECURITY_PROTOCOL" in last.detail
    assert "KAFKA_SECURITY_PROTOCOL" in last.hint


def test_a_state_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    settings = Settings.read(state_dir=tmp_path / "state")
    check = doctor._state(settings)
    assert not check.ok
    assert "FIRSTCLAIM_STATE_DIR" in check.hint


def test_an_erasure_key_of_this_machine_alone_is_a_finding_where_kafka_is_elsewhere(tmp_path: Path) -> None:
    """Workers on two machines would not recognise each other's erased persons, and nobody would notice."""
    elsewhere = {"state_dir": tmp_path, "kafka_bootstrap_servers": "kafka-1.lender.example:9092"}
    assert checks.erasure_key_of(Settings.read(state_dir=tmp_path)).ok
    own = checks.erasure_key_of(Settings.read(**elsewhere))
    assert not own.ok
    assert "FIRSTCLAIM_ERASURE_KEY" in own.hint
    file = tmp_path / "shared.key"
    named = Settings.read(**elsewhere, erasure_key=file)
    assert checks.erasure_key_of(named).detail == f"{file} does not exist"
    file.write_text("no key")
    assert "64 hex digits" in checks.erasure_key_of(named).detail
    file.write_text("ab" * 32)
    assert checks.erasure_key_of(named).ok


def test_another_faust_and_a_full_disk_are_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "FAUST_VERSIONS", ("0.11.0",))
    monkeypatch.setattr(doctor, "FREE_BYTES_WANTED", 1 << 62)
    assert "0.11.0 only" in doctor._faust().hint
    assert not doctor._disk(Settings.read(state_dir=tmp_path)).ok


def test_sasl_in_clear_text_is_a_finding_unless_it_stays_on_this_machine(tmp_path: Path) -> None:
    settings = Settings.read(
        state_dir=tmp_path,
        kafka_bootstrap_servers="127.0.0.1:9092,kafka.example:9092",
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_sasl_mechanism="PLAIN",
        kafka_sasl_username="us",
        kafka_sasl_password="pw",  # noqa: S106  # of nobody
    )
    (check,) = doctor._security(settings)
    assert not check.ok
    assert "SASL_SSL" in check.hint
    local_settings = settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:9092"})
    assert all(check.ok for check in doctor._security(local_settings))
