"""Commands, ports, variables, volumes and files of the deployment files are those of the code."""

from __future__ import annotations

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from typer.main import get_command

from cli import app
from streams.process_exit import Exit
from streams.settings import Settings
from tests.deploy.prometheus import DEPLOY, REPOSITORY
from tests.fixtures.waiting import PATIENCE_SECONDS
from web.settings import WebSettings

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.kafka.yml").read_text())
OURS: dict[str, dict[str, Any]] = {
    name: service
    for name, service in COMPOSE["services"].items()
    if str(service.get("image", "")).startswith("firstclaim:")
}
INSTALLED: Final = "/opt/firstclaim/bin/firstclaim"
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()


def test_all_processes_are_there() -> None:
    assert OURS.keys() == {"worker", "relay", "sink", "board", "console", "courier-mail"}


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_with_options_that_exist(name: str) -> None:
    command, *arguments = OURS[name]["command"]
    known: Any = get_command(app)
    options = {option for each in known.commands[command].params for option in each.opts}
    given = [argument for argument in arguments if argument.startswith("--")]
    assert given
    assert set(given) <= options
    port = arguments[arguments.index("--port") + 1]
    assert f"127.0.0.1:{port}/health" in OURS[name]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("name", OURS)
def test_a_service_has_no_rights_and_writes_only_to_its_volume(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["volumes"] == ["state:/var/lib/firstclaim"]
    assert "state" in COMPOSE["volumes"]


def test_every_variable_is_a_setting() -> None:
    known = {str(field.validation_alias or name).upper() for name, field in Settings.model_fields.items()}
    known |= {str(field.validation_alias or name).upper() for name, field in WebSettings.model_fields.items()}
    mail = {name for name in OURS["courier-mail"]["environment"] if name.startswith("FIRSTCLAIM_SMTP_")}
    for service in OURS.values():
        assert service["environment"].keys() <= known | mail
    couriers = (REPOSITORY / "docs" / "couriers.md").read_text()
    assert all(f"`{name}`" in couriers for name in mail)


def test_prometheus_scrapes_the_ports_of_the_services() -> None:
    [job] = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    scraped = {each["labels"]["process"]: each["targets"][0].split(":") for each in job["static_configs"]}
    assert scraped.keys() == OURS.keys()
    for name, (host, port) in scraped.items():
        command = OURS[name]["command"]
        assert host == name
        assert port == command[command.index("--port") + 1]


def test_what_is_mounted_exists() -> None:
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (REPOSITORY / source).exists()


def test_the_image_copies_what_exists_runs_as_nobody_and_serves_the_pages_outside() -> None:
    for source in re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE):
        assert (REPOSITORY / source).exists()
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    state = re.search(r"FIRSTCLAIM_STATE_DIR=(\S+)", DOCKERFILE)
    assert state is not None
    assert f"VOLUME {state[1]}" in DOCKERFILE
    assert "FIRSTCLAIM_STATUS_HOST=0.0.0.0" in DOCKERFILE


def test_the_images_lock_is_a_part_of_the_whole_lock() -> None:
    """`make lock` writes both."""

    def packages(path: Path) -> set[str]:
        return {line.split(" ")[0] for line in path.read_text().splitlines() if re.match(r"\S+==", line)}

    image = packages(REPOSITORY / "deploy" / "docker" / "requirements.lock")
    assert "faust-streaming==0.15.3" in image
    assert image < packages(REPOSITORY / "requirements.lock")
    assert not any(name.startswith(("pytest", "quixstreams", "playwright")) for name in image)


def test_systemd_starts_again_what_a_restart_helps() -> None:
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    unit.read(REPOSITORY / "deploy" / "systemd" / "firstclaim@.service")
    service = unit["Service"]
    assert service["Restart"] == "always"
    assert service["RestartPreventExitStatus"].split() == [str(int(Exit.CONFIG)), str(int(Exit.BRAKE))]


def test_systemd_finds_nothing_in_the_unit(tmp_path: Path) -> None:
    unit = (REPOSITORY / "deploy" / "systemd" / "firstclaim@.service").read_text()
    assert unit.count(INSTALLED) == 1
    ours = str(Path(sys.executable).with_name("firstclaim"))
    (tmp_path / "firstclaim@.service").write_text(unit.replace(INSTALLED, ours))
    assert systemd_says_of(tmp_path) == (0, "")
    (tmp_path / "firstclaim@.service").write_text(
        unit.replace(INSTALLED, ours).replace("Restart=", "Restarts=")
    )
    assert "'Restarts'" in systemd_says_of(tmp_path)[1]


def systemd_says_of(folder: Path) -> tuple[int, str]:
    """Return the exit code and the words of systemd about the unit in a folder, as that of the first worker."""
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(folder / "firstclaim@worker-1.service")],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_every_exit_code_is_explained() -> None:
    page = (REPOSITORY / "docs/runbook/exit-codes.md").read_text()
    rows = dict(re.findall(r"^\| (\d+)[^|]*\|[^|]*\|([^|]*)\|$", page, re.MULTILINE))
    pages = {path.stem.removeprefix("exit-") for path in (REPOSITORY / "docs/runbook").glob("exit-[0-9]*.md")}
    assert pages == {str(int(code)) for code in Exit} | {"137"}
    assert all(f"(exit-{code}.md)" in rows[code] for code in pages)
    assert rows.keys() - pages == {"0", "1", "2"}
