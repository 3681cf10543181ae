"""Settings are complete or refused.

Each incomplete combination is a case here, with the name that the error must contain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trustme

from models.errors import ConfigError
from streams.settings import Settings, environment_name

if TYPE_CHECKING:
    from pathlib import Path

SASL = {"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "us", "KAFKA_SASL_PASSWORD": "secret-word"}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(environment_name(field), raising=False)


@pytest.fixture
def pems(tmp_path: Path) -> dict[str, str]:
    """Return the paths of a CA certificate, a certificate signed by it and its key, by environment name."""
    authority = trustme.CA()
    certificate = authority.issue_cert("client.example")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    names = {"CAFILE": "ca.pem", "CERTFILE": "cert.pem", "KEYFILE": "key.pem"}
    return {f"KAFKA_SSL_{name}": str(tmp_path / file) for name, file in names.items()}


def read_settings(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings.read()


def environment_without(environment: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in environment.items() if key != name}


@pytest.mark.parametrize(
    ("environment", "field", "expected"),
    [
        # Credentials for a protocol that does not use them: aiokafka and Faust would continue in clear text.
        (SASL, "KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM is given"),
        ({"KAFKA_SASL_USERNAME": "us"}, "KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_USERNAME is given"),
        ({"KAFKA_SASL_PASSWORD": "pw"}, "KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_PASSWORD is given"),
        (SASL | {"KAFKA_SECURITY_PROTOCOL": "SSL"}, "KAFKA_SECURITY_PROTOCOL", "is SSL"),
        # Incomplete SASL settings.
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "KAFKA_SASL_MECHANISM", "is missing"),
        *(
            (
                environment_without(SASL, name) | {"KAFKA_SECURITY_PROTOCOL": protocol},
                name,
                f"{protocol} needs mechanism",
            )
            for name in SASL
            for protocol in ("SASL_SSL", "SASL_PLAINTEXT")
        ),
        (
            SASL | {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "GSSAPI"},
            "KAFKA_SASL_MECHANISM",
            "PLAIN",
        ),
        # Certificates that no protocol uses, or that are incomplete.
        ({"KAFKA_SSL_CAFILE": "/ca.pem"}, "KAFKA_SECURITY_PROTOCOL", "not encrypted"),
        (
            SASL | {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_SSL_CAFILE": "/ca.pem"},
            "KAFKA_SECURITY_PROTOCOL",
            "not encrypted",
        ),
        (
            {"KAFKA_SSL_KEYFILE_PASSWORD": "pw"},
            "KAFKA_SECURITY_PROTOCOL",
            "KAFKA_SSL_KEYFILE_PASSWORD is given",
        ),
        ({"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CERTFILE": "/c"}, "KAFKA_SSL_KEYFILE", "is missing"),
        ({"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_KEYFILE": "/k"}, "KAFKA_SSL_CERTFILE", "is missing"),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_KEYFILE_PASSWORD": "p"},
            "KAFKA_SSL_KEYFILE",
            "is missing",
        ),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CAFILE": "/no/ca"},
            "KAFKA_SSL_CAFILE",
            "no file /no/ca",
        ),
        ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, "KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
        # Addresses and counts.
        ({"KAFKA_BOOTSTRAP_SERVERS": "broker"}, "KAFKA_BOOTSTRAP_SERVERS", "'broker' is not host:port"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "a:9092,b:x"}, "KAFKA_BOOTSTRAP_SERVERS", "'b:x' is not host:port"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "a:70000"}, "KAFKA_BOOTSTRAP_SERVERS", "host:port"),
        ({"REDIS_URL": "localhost:6379"}, "REDIS_URL", "redis://"),
        ({"DATABASE_URL": "mysql://h/d"}, "DATABASE_URL", "postgresql://"),
        ({"FIRSTCLAIM_PARTITIONS": "0"}, "FIRSTCLAIM_PARTITIONS", "greater than or equal to 1"),
        ({"FIRSTCLAIM_PARTITIONS": "many"}, "FIRSTCLAIM_PARTITIONS", "integer"),
        ({"FIRSTCLAIM_REPLICATION_FACTOR": "0"}, "FIRSTCLAIM_REPLICATION_FACTOR", "greater than"),
    ],
)
def test_a_half_given_setting_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], field: str, expected: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        read_settings(monkeypatch, environment)
    assert refused.value.field == field
    assert expected in refused.value.reason
    assert "secret-word" not in str(refused.value)


def test_nothing_given_is_a_local_stack_in_the_state_folder(tmp_path: Path) -> None:
    settings = Settings.read(state_dir=tmp_path)
    assert settings.database_url == f"sqlite:///{tmp_path}/crm.sqlite"
    assert (settings.partitions, settings.replication_factor) == (8, 1)
    assert not settings.given("kafka_bootstrap_servers")
    assert settings.given("state_dir")
    assert settings.faust_credentials() is None
    assert settings.aiokafka_options() == {
        "bootstrap_servers": ["127.0.0.1:9092"],
        "security_protocol": "PLAINTEXT",
    }


def test_an_empty_variable_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not read_settings(monkeypatch, {"KAFKA_BOOTSTRAP_SERVERS": "", "KAFKA_SASL_USERNAME": ""}).given(
        "redis_url"
    )


def test_a_variable_without_our_prefix_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings(monkeypatch, {"PARTITIONS": "3", "STATE_DIR": "/elsewhere"}).partitions == 8


def test_sasl_over_tls_reaches_both_clients_with_its_context(
    monkeypatch: pytest.MonkeyPatch, pems: dict[str, str]
) -> None:
    """docs/faust.md 15: SASLCredentials without an ssl_context silently means SASL_PLAINTEXT."""
    settings = read_settings(monkeypatch, SASL | pems | {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"})
    context = settings.ssl_context
    assert context is not None
    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1
    assert settings.aiokafka_options() == {
        "bootstrap_servers": ["127.0.0.1:9092"],
        "security_protocol": "SASL_SSL",
        "ssl_context": context,
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "us",
        "sasl_plain_password": "secret-word",
    }
    credentials = settings.faust_credentials()
    assert (credentials.protocol.value, credentials.mechanism.value) == ("SASL_SSL", "PLAIN")
    assert credentials.ssl_context is context


def test_tls_alone_reaches_both_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings(monkeypatch, {"KAFKA_SECURITY_PROTOCOL": "SSL"})
    assert settings.aiokafka_options()["ssl_context"] is settings.ssl_context
    credentials = settings.faust_credentials()
    assert (credentials.protocol.value, credentials.context) == ("SSL", settings.ssl_context)


def test_sasl_in_clear_text_must_be_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings(monkeypatch, SASL | {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"})
    assert "ssl_context" not in settings.aiokafka_options()
    assert settings.faust_credentials().protocol.value == "SASL_PLAINTEXT"


@pytest.mark.parametrize("broken", ["KAFKA_SSL_CAFILE", "KAFKA_SSL_CERTFILE", "KAFKA_SSL_KEYFILE"])
def test_a_file_that_is_no_certificate_is_named(
    monkeypatch: pytest.MonkeyPatch, pems: dict[str, str], tmp_path: Path, broken: str
) -> None:
    (tmp_path / "broken.pem").write_text("not a certificate")
    protocol = {"KAFKA_SECURITY_PROTOCOL": "SSL", broken: str(tmp_path / "broken.pem")}
    settings = read_settings(monkeypatch, pems | protocol)
    with pytest.raises(ConfigError, match=broken):
        settings.aiokafka_options()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgres_means_psycopg_3(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    settings = read_settings(monkeypatch, {"DATABASE_URL": f"{scheme}://u:p@h:5432/d"})
    assert settings.database_url == "postgresql+psycopg://u:p@h:5432/d"


def test_a_child_process_reads_the_same_settings(
    monkeypatch: pytest.MonkeyPatch, pems: dict[str, str]
) -> None:
    sasl = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_BOOTSTRAP_SERVERS": "a:1, b:2"}
    settings = read_settings(monkeypatch, SASL | pems | sasl | {"FIRSTCLAIM_STATE_DIR": "relative"})
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    child = Settings.read()
    assert child.model_dump(exclude={"state_dir"}) == settings.model_dump(exclude={"state_dir"})
    assert child.state_dir == settings.state_dir.absolute()
    assert settings.faust_broker() == "kafka://a:1;kafka://b:2"


def test_a_password_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings(monkeypatch, SASL | {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"})
    assert "secret-word" not in repr(settings)
