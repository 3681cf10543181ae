"""The compose file is complete: pinned images, a healthcheck each, a listener per side, no port outside."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from couriers.telephone.ari import APP
from couriers.telephone.settings import TelephoneSettings
from runtime.jars import KAFKA_VERSION
from tests.fixtures.containers import KAFKA_IMAGE, POSTGRES_IMAGE, VALKEY_IMAGE

FILE = Path(__file__).parents[2] / "docker-compose.kafka.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


OURS = ("worker", "relay", "sink", "board", "console", "courier-mail")
"""Our own processes (tests/deploy/test_deployment.py)."""


def listeners(value: str) -> dict[str, str]:
    return dict(part.split("://") for part in value.split(","))


def test_the_images_are_the_ones_the_fixtures_use() -> None:
    assert {name: service["image"] for name, service in SERVICES.items()} == {
        "kafka": KAFKA_IMAGE,
        "valkey": VALKEY_IMAGE,
        "postgres": POSTGRES_IMAGE,
        "kafka-ui": "ghcr.io/kafbat/kafka-ui:v1.5.0",
        "mail": "axllent/mailpit:v1.27",
        "asterisk": "andrius/asterisk:22",
        "prometheus": "prom/prometheus:v3.5.0",
        "grafana": "grafana/grafana:12.1.0",
        **dict.fromkeys(OURS, "firstclaim:0.1.0"),
    }
    assert KAFKA_IMAGE.endswith(f":{KAFKA_VERSION}")
    assert "version" not in COMPOSE


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_proves_its_health_and_listens_on_this_machine_only(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert check.keys() >= {"interval", "timeout", "retries"}
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_each_side_is_told_an_address_of_kafka_it_can_reach() -> None:
    kafka = SERVICES["kafka"]["environment"]
    binds, advertised = listeners(kafka["KAFKA_LISTENERS"]), listeners(kafka["KAFKA_ADVERTISED_LISTENERS"])
    assert advertised == {"INSIDE": "kafka:19092", "HOST": "127.0.0.1:9092"}
    assert binds.keys() == advertised.keys() | {"CONTROLLER"}
    for name, address in advertised.items():
        assert binds[name].rpartition(":")[2] == address.rpartition(":")[2]
    assert SERVICES["kafka"]["ports"] == [f"{advertised['HOST']}:{binds['HOST'].lstrip(':')}"]
    protocols = dict(part.split(":") for part in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert protocols.keys() == binds.keys()
    assert kafka["KAFKA_INTER_BROKER_LISTENER_NAME"] in advertised
    assert SERVICES["kafka-ui"]["environment"]["KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS"] == advertised["INSIDE"]
    assert kafka["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_what_is_not_needed_by_all_is_in_a_profile_and_data_is_kept() -> None:
    profiles = {name: service.get("profiles") for name, service in SERVICES.items()}
    assert profiles == {
        "kafka": None,
        "valkey": None,
        "postgres": ["postgres"],
        "kafka-ui": ["ui"],
        "mail": ["mail"],
        "asterisk": ["telephone"],
        "prometheus": ["watch"],
        "grafana": ["watch"],
        **{name: ["engine"] for name in OURS},
        "courier-mail": ["couriers"],
    }
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source, target, *_ = volume.split(":")
            is_own = source.startswith("./deploy/")
            assert is_own or source in COMPOSE["volumes"] or source == target, "a folder that both sides see"


def test_n4_the_asterisk_of_the_profile_is_the_one_that_the_telephone_courier_expects() -> None:
    """What the comment at the top of the file exports is what the services listen on, read, and accept."""
    exported = dict(
        part.split("=", 1) for part in FILE.read_text().split() if re.match(r"FIRSTCLAIM_\w+=", part)
    )
    telephone = TelephoneSettings.model_validate(
        {
            name.removeprefix("FIRSTCLAIM_TELEPHONE_").lower(): value
            for name, value in exported.items()
            if "TELEPHONE" in name
        }
    )
    telephone.check()
    asterisk = SERVICES["asterisk"]
    files = {
        config["target"]: COMPOSE["configs"][config["source"]]["content"] for config in asterisk["configs"]
    }
    assert files.keys() == {
        f"/etc/asterisk/{name}.conf" for name in ("http", "ari", "pjsip", "rtp", "extensions")
    }
    assert f"[{telephone.user}]\ntype=user\npassword={telephone.secret}" in files["/etc/asterisk/ari.conf"]
    port = urlsplit(telephone.ari_url or "").port
    assert f"127.0.0.1:{port}:8088" in asterisk["ports"]
    assert asterisk["volumes"] == [f"{telephone.sounds}:{telephone.sounds}:ro"]
    assert telephone.endpoint("sip:ann@asterisk") == "PJSIP/ann"
    assert telephone.endpoint("sip:ann@elsewhere") == "PJSIP/trunk/sip:ann@elsewhere"
    pjsip = files["/etc/asterisk/pjsip.conf"]
    assert all(f"[{name}]" in pjsip for name in (telephone.trunk, "ann", "bob"))
    assert f"Stasis({APP},inbound,$${{EXTEN}})" in files["/etc/asterisk/extensions.conf"]
    mail = exported["FIRSTCLAIM_SMTP_PORT"]
    assert f"127.0.0.1:{mail}:1025" in SERVICES["mail"]["ports"]
